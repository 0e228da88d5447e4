//! What can be asked on the command line.

use crate::import::Source;
use crate::serve::Settings;
use crate::verify::Verification;
use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};
use es_runtime::Version;
use order::OrderId;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;
use tracing::Level;

/// Where orders are kept unless somebody says otherwise.
pub(crate) const STORE: &str = "sqlite:orders.db";

/// The same for a question, which makes no file.
const STORE_TO_READ: &str = "sqlite:orders.db?create=false";

/// Where services keep them: whatever is in their store, they act on.
const SHOP: &str = "sqlite:shop.db";

/// The same for a question.
const SHOP_TO_READ: &str = "sqlite:shop.db?create=false";

pub(crate) enum Request {
    Story,
    Import(Source),
    Show { id: OrderId, at: Option<Version>, store: String },
    List { store: String },
    Stats { store: String },
    Rebuild { store: String },
    Verify(Verification),
    Docs { dir: PathBuf, is_check: bool },
    Serve(Settings),
}

/// What was asked. Ends the program where that makes no sense, or where help was asked for.
pub(crate) fn request() -> Request {
    let Some((name, mut args)) = command().get_matches().remove_subcommand() else { return Request::Story };
    if name == "docs" {
        let dir = args.remove_one("DIR").unwrap_or_else(|| unreachable!("clap has a default"));
        return Request::Docs { dir, is_check: args.get_flag("check") };
    }
    let store = args.remove_one("store").unwrap_or_else(|| STORE.to_owned());
    match &*name {
        "import" => Request::Import(source(args, store)),
        "show" => {
            let id = args.remove_one("ID").unwrap_or_else(|| unreachable!("clap requires it"));
            Request::Show { id, at: args.remove_one("at").map(Version::new), store }
        }
        "list" => Request::List { store },
        "rebuild" => Request::Rebuild { store },
        "verify" => {
            let (states, against) = (args.remove_one("states"), args.remove_one("against"));
            Request::Verify(Verification { store, states, against })
        }
        "serve" => Request::Serve(settings(args, store)),
        _ => Request::Stats { store },
    }
}

fn source(mut args: ArgMatches, store: String) -> Source {
    let file: PathBuf = args.remove_one("FILE").unwrap_or_else(|| unreachable!("clap requires it"));
    let own_name = || Some(file.file_name()?.to_string_lossy().into_owned()).filter(|name| name != "-");
    let Some(name) = args.remove_one("as").or_else(own_name) else {
        let nameless = "this input has no name of its own: give the import one with `--as NAME`";
        command().error(clap::error::ErrorKind::MissingRequiredArgument, nameless).exit()
    };
    let concurrency: u16 = args.remove_one("concurrency").unwrap_or(16);
    Source { file, name, store, concurrency: concurrency.into() }
}

fn settings(mut args: ArgMatches, store: String) -> Settings {
    fn take<T: Clone + Send + Sync + 'static>(args: &mut ArgMatches, name: &str) -> T {
        args.remove_one(name).unwrap_or_else(|| unreachable!("clap has a default"))
    }
    Settings {
        store,
        listen: take(&mut args, "listen"),
        pay_within: take(&mut args, "pay-within"),
        lease: take(&mut args, "lease"),
        log: take(&mut args, "log"),
    }
}

fn command() -> Command {
    Command::new("order")
        .about("The worked example of es-runtime. Without a subcommand it plays a short story on orders.db.")
        .after_help(EXIT)
        .subcommand(import())
        .subcommand(show())
        .subcommand(
            Command::new("list")
                .about("Lists the orders: id, status, total, version")
                .arg(store(STORE_TO_READ)),
        )
        .subcommand(
            Command::new("stats")
                .about("Counts orders by status, and cents paid, as JSON")
                .arg(store(STORE_TO_READ)),
        )
        .subcommand(
            Command::new("rebuild")
                .about(
                    "Builds the read model of the service anew, beside the old one, and puts it in its place",
                )
                .arg(store(SHOP)),
        )
        .subcommand(verify())
        .subcommand(docs())
        .subcommand(serve())
}

fn import() -> Command {
    let file = Arg::new("FILE").required(true).value_parser(value_parser!(PathBuf));
    let concurrency = Arg::new("concurrency").long("concurrency").value_name("N").default_value("16");
    let name = Arg::new("as").long("as").value_name("NAME");
    Command::new("import")
        .about("Carries out a file of commands, one JSON object a line, and prints a summary as JSON")
        .long_about(IMPORT)
        .after_help(EXIT)
        .arg(file.help("The file, or - for standard input"))
        .arg(store(STORE))
        .arg(concurrency.value_parser(value_parser!(u16).range(1..=1024)).help("How many orders at once"))
        .arg(name.help("The import's name; by default the file's, without its folder"))
}

fn verify() -> Command {
    let file = |name| Arg::new(name).long(name).value_name("FILE").value_parser(value_parser!(PathBuf));
    Command::new("verify")
        .about("Reads everything that is stored, and says what is not as it should be")
        .long_about(VERIFY)
        .after_help("Exit status: 0 if nothing was found, 1 if something was, 2 if it could not be done.")
        .arg(store(SHOP_TO_READ))
        .arg(file("states").help("Write the state of each stream to FILE, one JSON object a line"))
        .arg(file("against").help("Compare the states with those in FILE, which another program has written"))
}

fn docs() -> Command {
    let dir = Arg::new("DIR").default_value("examples/order/docs").value_parser(value_parser!(PathBuf));
    let check = Arg::new("check").long("check").action(ArgAction::SetTrue);
    Command::new("docs")
        .about("Writes the catalog of events: Markdown, JSON Schema, AsyncAPI, and a Mermaid diagram")
        .arg(dir.help("The folder to write them to"))
        .arg(check.help("Write nothing, and fail where a file is not what it would be"))
}

fn serve() -> Command {
    let listen = Arg::new("listen").long("listen").value_name("ADDRESS").default_value("127.0.0.1:8080");
    let within = Arg::new("pay-within").long("pay-within").value_name("TIME").default_value("15m");
    let lease = Arg::new("lease").long("lease").value_name("TIME").default_value("2s");
    let log = Arg::new("log").long("log").value_name("LEVEL").default_value("info");
    Command::new("serve")
        .about("Serves orders over HTTP; examples/order/README.md shows how to ask")
        .arg(store(SHOP))
        .arg(listen.value_parser(value_parser!(SocketAddr)).help("Where to listen; port 0 takes any"))
        .arg(within.value_parser(time).help("How long an order waits for its money before it is cancelled"))
        .arg(
            lease
                .value_parser(time)
                .help("How soon another program of this kind takes over where this one was killed"),
        )
        .arg(log.value_parser(value_parser!(Level)).help("What to log: error, warn, info, debug or trace"))
}

fn time(text: &str) -> Result<Duration, humantime::DurationError> {
    humantime::parse_duration(text)
}

fn show() -> Command {
    let at = Arg::new("at").long("at").value_name("VERSION").value_parser(value_parser!(u64).range(1..));
    let id = Arg::new("ID").required(true).value_parser(value_parser!(OrderId));
    Command::new("show")
        .about("Shows an order and what happened to it")
        .arg(id.help("The order's id"))
        .arg(at.help("Show it as it was when it had so many events"))
        .arg(store(STORE_TO_READ))
}

fn store(default: &'static str) -> Arg {
    let store = Arg::new("store").long("store").value_name("URL").default_value(default);
    store.help("Where the orders are kept: any URL that es-runtime knows")
}

const EXIT: &str = "\
Exit status: 0 if all went well, 1 if the answer is no or lines were left out, 2 if it could not be done.";

const VERIFY: &str = "\
Reads everything that is stored, and says what is not as it should be.

Every event is decoded and every stream folded; snapshots and the read model are compared with a fresh fold. \
A service may run meanwhile. Nothing is written but tables beside those of the read model, which are dropped \
again.

Before a new program is released, let the old one write the states with --states and the new one compare them \
with --against, on the same store or a copy of it.";

const IMPORT: &str = "\
Carries out a file of commands, one JSON object a line, and prints a summary as JSON.

A line has `at` (a time), `order` (an id), `command` (place, pay, ship, deliver or cancel) and the \
command's own fields. Blank lines are skipped.

The same import may be given again at any time, after a crash or when the file has grown: what is done is \
not done twice. An import is known by its name, see --as.

Lines that are bad, and lines that have changed since they were carried out, are reported on stderr and \
left out; the exit status is 1 then.";
