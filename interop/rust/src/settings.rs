//! What a client and the server that it starts are told in the same words, if they are to find each
//! other as go-micro's services do.

/// Where the two find each other, and how they speak.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Settings {
    /// The name under which the server registers; none: it does not.
    pub service: String,
    /// Where the names of the cases begin, behind `micro`.
    pub cell: String,
    /// What Go's side speaks: `mucp` or `grpc`.
    pub flavour: String,
    /// The URL of a registry; none: the client is given the server's address.
    pub registry: String,
    /// The URL of a broker; none: nothing is published.
    pub broker: String,
}

impl Settings {
    /// Takes a word of the command line and its value; `false` if the word is none of these.
    pub fn take(&mut self, name: &str, value: &str) -> bool {
        for (known, field) in self.fields() {
            if name == known {
                value.clone_into(field);
                return true;
            }
        }
        false
    }

    /// The words that say the same to another program; none if nothing was said.
    #[must_use]
    pub fn words(mut self) -> Vec<String> {
        let pairs = self.fields().map(|(name, value)| (name, std::mem::take(value)));
        let said = pairs.into_iter().filter(|(_, value)| !value.is_empty());
        said.flat_map(|(name, value)| [name.to_owned(), value]).collect()
    }

    const fn fields(&mut self) -> [(&'static str, &mut String); 5] {
        let Self { service, cell, flavour, registry, broker } = self;
        [
            ("--service", service),
            ("--cell", cell),
            ("--flavour", flavour),
            ("--registry", registry),
            ("--broker", broker),
        ]
    }
}
