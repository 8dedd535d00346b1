//! One module per command.

mod bench;
mod call;
mod completion;
mod demo;
mod describe;
mod doctor;
mod export;
mod publish;
mod services;
mod subscribe;

use crate::args::{Cli, Command};
use crate::failure::Failure;

/// Does what the command line says.
pub(crate) async fn run(cli: Cli) -> Result<(), Failure> {
    let Cli { registry, output, command } = cli;
    let registry = registry.as_deref();
    match command {
        Command::Demo(args) => demo::run(&args, output).await,
        Command::Services => services::run(registry, output).await,
        Command::Doctor(args) => doctor::run(&args, registry, output).await,
        Command::Describe(args) => describe::run(&args, registry, output).await,
        Command::Export(args) => export::run(&args, registry).await,
        Command::Call(args) => call::run(&args.method, registry).await,
        Command::Publish(args) => publish::run(&args, registry).await,
        Command::Subscribe(args) => subscribe::run(&args, registry).await,
        Command::Bench(args) => bench::run(&args, registry, output).await,
        Command::Completion(args) => {
            completion::run(args.shell);
            Ok(())
        }
    }
}
