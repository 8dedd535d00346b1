//! How the allocator treats large buffers.

use std::hint::black_box;
use std::sync::Once;

/// Has glibc's allocator keep freed blocks of up to 16 MiB for the next message.
///
/// By default it gives every freed block of 128 KiB and more back to the system and maps fresh,
/// zeroed pages for the next one, which costs several times what copying a message of 1 MiB does.
/// Its threshold follows the largest mapped block that was freed, so freeing one raises it; the
/// block is never touched and costs no memory. Other allocators do not notice. Only the first call
/// in a process does anything.
pub fn keep_large_blocks() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| drop(black_box(Vec::<u8>::with_capacity(LARGEST_KEPT))));
}

const LARGEST_KEPT: usize = 16 << 20;
