//! What can be asked on the command line.

use clap::{Arg, ArgMatches, Command, value_parser};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;
use tracing::Level;

/// How the service is set up.
pub(crate) struct Settings {
    pub(crate) store: String,
    pub(crate) listen: SocketAddr,
    pub(crate) gateway: PathBuf,
    /// How long the gateway has to answer.
    pub(crate) deadline: Duration,
    /// How long it takes where it is late.
    pub(crate) late: Duration,
    pub(crate) lease: Duration,
    pub(crate) log: Level,
}

/// What was asked. Ends the program where that makes no sense, or where help was asked for.
pub(crate) fn settings() -> Settings {
    let Some((_, args)) = command().get_matches().remove_subcommand() else {
        unreachable!("clap requires a subcommand")
    };
    Settings {
        store: take(&args, "store"),
        listen: take(&args, "listen"),
        gateway: take(&args, "gateway"),
        deadline: take(&args, "deadline"),
        late: take(&args, "late"),
        lease: take(&args, "lease"),
        log: take(&args, "log"),
    }
}

fn take<T: Clone + Send + Sync + 'static>(args: &ArgMatches, name: &str) -> T {
    args.get_one(name).cloned().unwrap_or_else(|| unreachable!("clap has a default"))
}

fn command() -> Command {
    Command::new("payment")
        .about("The payments of the worked example of es-runtime, beside `order serve` and on the same store")
        .subcommand_required(true)
        .subcommand(serve())
}

fn serve() -> Command {
    let listen = value_parser!(SocketAddr);
    Command::new("serve")
        .about("Takes cards over HTTP and charges them; examples/order/README.md shows how to ask")
        .arg(flag("store", "URL", "sqlite:shop.db").help("Where events are kept: the store of `order serve`"))
        .arg(
            flag("listen", "ADDRESS", "127.0.0.1:8081")
                .value_parser(listen)
                .help("Where to listen; port 0 takes any"),
        )
        .arg(
            flag("gateway", "FILE", "gateway.db")
                .value_parser(value_parser!(PathBuf))
                .help("Where the simulated gateway notes its cards and charges: they are no events of ours"),
        )
        .arg(
            flag("deadline", "TIME", "2s")
                .value_parser(time)
                .help("How long the gateway has to answer before the payment fails"),
        )
        .arg(flag("late", "TIME", "5s").value_parser(time).help("When the gateway answers where it is late"))
        .arg(
            flag("lease", "TIME", "2s")
                .value_parser(time)
                .help("How soon another program of this kind takes over where this one was killed"),
        )
        .arg(
            flag("log", "LEVEL", "info")
                .value_parser(value_parser!(Level))
                .help("What to log: error, warn, info, debug or trace"),
        )
}

fn flag(name: &'static str, value: &'static str, default: &'static str) -> Arg {
    Arg::new(name).long(name).value_name(value).default_value(default)
}

fn time(text: &str) -> Result<Duration, humantime::DurationError> {
    humantime::parse_duration(text)
}
