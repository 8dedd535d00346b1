//! Nodes whose addresses come with a call.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use polywire_core::Instance;

use super::node::Node;
use super::url::Endpoint;
use crate::ClientError;
use crate::options::Words;

/// Nodes whose addresses come with calls; they are kept for the next call that has them.
pub(super) struct Given {
    target: Arc<str>,
    /// What `host:port` stands for.
    bare: Bare,
    known: Mutex<Known>,
}

/// What an address that says no wire speaks.
enum Bare {
    /// What the channel's own peer does.
    As(Box<Endpoint>),
    Micro,
    Netrpc,
}

#[derive(Default)]
struct Known {
    nodes: HashMap<String, (Arc<Node>, u64)>,
    /// Counts uses, so that the nodes not used for longest can be told.
    clock: u64,
    closed: bool,
}

impl Given {
    /// For a channel to this target; `peer` is where it goes by itself, if it has one address.
    pub(super) fn new(target: &Arc<str>, peer: Option<&Endpoint>, words: Words) -> Self {
        let bare = match (peer, words) {
            (Some(peer), _) => Bare::As(Box::new(peer.clone())),
            (None, Words::Micro) => Bare::Micro,
            (None, Words::Own) => Bare::Netrpc,
        };
        Self { target: Arc::clone(target), bare, known: Mutex::default() }
    }

    /// The nodes at these addresses.
    pub(super) fn nodes(&self, addresses: &[String]) -> Result<Vec<Arc<Node>>, ClientError> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.closed {
            return Err(ClientError::Shutdown);
        }
        let mut nodes = Vec::with_capacity(addresses.len());
        for address in addresses {
            known.clock = known.clock.saturating_add(1);
            let now = known.clock;
            if let Some((node, used)) = known.nodes.get_mut(address) {
                *used = now;
                nodes.push(Arc::clone(node));
                continue;
            }
            let node = Arc::new(self.make(address)?);
            known.make_room();
            known.nodes.insert(address.clone(), (Arc::clone(&node), now));
            nodes.push(node);
        }
        Ok(nodes)
    }

    fn make(&self, text: &str) -> Result<Node, ClientError> {
        let instance = Instance::new(&*self.target, text, text.into());
        let (instance, endpoint) = match &self.bare {
            Bare::As(peer) => {
                let said = Endpoint::parse(text)?;
                let is_url = text.contains("://");
                let as_peer = |said: Endpoint| Endpoint { address: said.address, ..*peer.clone() };
                (instance, if is_url { said } else { as_peer(said) })
            }
            // As go-micro's client makes up the nodes of addresses.
            Bare::Micro => of(instance.with_metadata("protocol", "mucp"))?,
            Bare::Netrpc => of(instance)?,
        };
        Ok(Node::new(instance, endpoint))
    }

    pub(super) fn list(&self) -> Vec<Arc<Node>> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.nodes.values().map(|(node, _)| Arc::clone(node)).collect()
    }

    pub(super) fn close(&self) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.closed = true;
        known.nodes.drain().for_each(|(_, (node, _))| node.close());
    }
}

fn of(instance: Instance) -> Result<(Instance, Endpoint), ClientError> {
    let endpoint = Endpoint::of(&instance, None)?;
    Ok((instance, endpoint))
}

impl Known {
    /// Forgets the node that was not used for longest, if there are too many. Calls under way on it
    /// go on.
    fn make_room(&mut self) {
        if self.nodes.len() < MAX_NODES {
            return;
        }
        let oldest = self.nodes.iter().min_by_key(|(_, (_, used))| *used);
        if let Some(address) = oldest.map(|(address, _)| address.clone()) {
            self.nodes.remove(&address);
        }
    }
}

/// Nodes kept by a channel because calls gave their addresses.
const MAX_NODES: usize = 1024;

#[cfg(test)]
mod tests {
    use super::*;

    fn given(peer: Option<&str>, words: Words) -> Given {
        let peer = peer.map(|url| Endpoint::parse(url).unwrap());
        Given::new(&"greeter".into(), peer.as_ref(), words)
    }

    fn endpoint(given: &Given, address: &str) -> Endpoint {
        given.nodes(&[address.to_owned()]).unwrap()[0].endpoint.clone()
    }

    #[test]
    fn a_bare_address_speaks_what_the_channel_speaks() {
        for (given, like) in [
            (given(None, Words::Own), "netrpc://b:2"),
            (given(None, Words::Micro), "micro://b:2/greeter"),
            (given(Some("jsonrpc+tls://a:1"), Words::Micro), "jsonrpc+tls://b:2"),
        ] {
            assert_eq!(endpoint(&given, "b:2"), Endpoint::parse(like).unwrap());
            assert_eq!(endpoint(&given, "grpc://b:2"), Endpoint::parse("grpc://b:2").unwrap());
        }
        let error = given(None, Words::Own).nodes(&["nowhere".to_owned()]).unwrap_err();
        assert!(matches!(error, ClientError::Address { .. }), "{error}");
    }

    #[test]
    fn nodes_are_kept_up_to_a_bound_and_the_one_unused_for_longest_goes_first() {
        let given = given(None, Words::Own);
        let node = |port: usize| given.nodes(&[format!("a:{port}")]).unwrap().remove(0);
        let (first, second) = (node(1), node(2));
        (3..=MAX_NODES).for_each(|port| drop(node(port)));
        assert!(Arc::ptr_eq(&first, &node(1)));
        drop(node(MAX_NODES + 1));
        assert_eq!(given.list().len(), MAX_NODES);
        assert!(Arc::ptr_eq(&first, &node(1)));
        assert!(!Arc::ptr_eq(&second, &node(2)));
    }
}
