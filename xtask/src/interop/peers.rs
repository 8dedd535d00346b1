//! Who polywire is run against.

/// An implementation by others, unmodified.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Peer {
    /// `net/rpc` and `net/rpc/jsonrpc` of Go's standard library.
    Go,
    /// `google.golang.org/grpc`.
    GrpcGo,
    /// `@grpc/grpc-js`, on Node.js.
    GrpcJs,
    /// `grpcio`, on Python: gRPC's core in C.
    Grpcio,
    /// `connectrpc.com/connect`.
    ConnectGo,
    /// `@connectrpc/connect-node`.
    ConnectNode,
    /// `connectrpc`, on Python.
    ConnectPython,
    /// `grpcurl`, which goes by reflection; the server is grpc-go's.
    Grpcurl,
    /// `go-micro.dev/v6`.
    GoMicroV6,
    /// `go-micro.dev/v5`.
    GoMicroV5,
    /// `go-micro.dev/v4`.
    GoMicroV4,
    /// `github.com/micro/go-micro/v2`, its client and server called mucp.
    GoMicroV2,
    /// `buf curl`, which is told the services by a file.
    BufCurl,
    /// `@connectrpc/connect-web`, in a headless Chromium.
    Browser,
}

impl Peer {
    pub(super) const ALL: [Self; 14] = [
        Self::Go,
        Self::GrpcGo,
        Self::GrpcJs,
        Self::Grpcio,
        Self::ConnectGo,
        Self::ConnectNode,
        Self::ConnectPython,
        Self::GoMicroV6,
        Self::GoMicroV5,
        Self::GoMicroV4,
        Self::GoMicroV2,
        Self::Grpcurl,
        Self::BufCurl,
        Self::Browser,
    ];

    /// What it is called on the command line and in front of its cases.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Go => "go",
            Self::GrpcGo => "grpc-go",
            Self::GrpcJs => "grpc-js",
            Self::Grpcio => "grpcio",
            Self::ConnectGo => "connect-go",
            Self::ConnectNode => "connect-node",
            Self::ConnectPython => "connect-python",
            Self::GoMicroV6 => "go-micro-v6",
            Self::GoMicroV5 => "go-micro-v5",
            Self::GoMicroV4 => "go-micro-v4",
            Self::GoMicroV2 => "go-micro-v2",
            Self::Grpcurl => "grpcurl",
            Self::BufCurl => "buf-curl",
            Self::Browser => "browser",
        }
    }

    /// What it can be run with.
    pub(super) const fn suites(self) -> &'static [&'static str] {
        match self {
            Self::Go => &["netrpc", "jsonrpc"],
            Self::GrpcGo | Self::GrpcJs | Self::Grpcio => &["grpc"],
            Self::ConnectGo | Self::ConnectNode | Self::ConnectPython | Self::BufCurl => {
                &["connect"]
            }
            Self::GoMicroV6 | Self::GoMicroV5 | Self::GoMicroV4 | Self::GoMicroV2 => &["micro"],
            Self::Grpcurl => &["reflection"],
            Self::Browser => &["web"],
        }
    }

    /// # Errors
    /// There is no such peer.
    pub(super) fn from_name(name: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|peer| peer.name() == name);
        let known = Self::ALL.map(Self::name).join(", ");
        found.ok_or_else(|| format!("unknown peer `{name}`; there are {known}"))
    }
}
