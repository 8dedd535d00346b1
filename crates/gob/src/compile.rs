//! Types compiled.
use crate::{Definitions, RegisterError};
use polywire_schema::Type;
use std::sync::Arc;
/// Process-wide compiled form of a Rust type.
#[derive(Debug)]
pub struct Compiled {
    id: i32,
    definitions: Arc<Definitions>,
}
impl Compiled {
    /// The id of the type.
    #[must_use]
    pub fn id(&self) -> i32 {
        self.id
    }
    /// Definitions a value of the type needs before it.
    #[must_use]
    pub fn definitions(&self) -> &Arc<Definitions> {
        &self.definitions
    }
}
/// Compiles a type.
///
/// # Errors
/// When the type cannot travel.
pub fn compile(ty: &'static Type) -> Result<&'static Compiled, RegisterError> {
    let _ = ty;
    unimplemented!()
}
