//! The files of a server.

use super::programs::{Programs, give};
use super::{Builder, certificate};
use crate::guardian::Guardian;
use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// Where the data is kept.
#[derive(Debug, Clone, Default)]
pub(super) enum Place {
    /// In a folder of its own, on a disk.
    #[default]
    Disk,
    /// In a folder of its own, in memory if there is room.
    Memory,
    /// Below a folder that is there already.
    Below(PathBuf),
}

/// How much room a server gets that keeps its data in memory.
const ROOM: u64 = 2 << 30;

/// The longest path of a folder whose sockets can be connected to.
const LONGEST: usize = 80;

/// The files of a server, and what its clients must know.
#[derive(Debug)]
pub(super) struct Cluster {
    pub(super) programs: Programs,
    /// Ends the server and takes away the folder.
    _guardian: Guardian,
    /// For the sockets, the log and, unless it is elsewhere, the data.
    pub(super) folder: PathBuf,
    pub(super) data: PathBuf,
    pub(super) is_in_memory: bool,
    pub(super) port: u16,
    pub(super) password: Option<String>,
    pub(super) root_certificate: Option<PathBuf>,
    pub(super) environment: Vec<(String, String)>,
}

impl Cluster {
    /// A new one, with an empty database `postgres`.
    pub(super) fn make(programs: Programs, builder: Builder) -> Self {
        let mut cluster = Self::empty(programs, &builder.place);
        cluster.environment = builder.environment;
        let folder = &cluster.folder;
        let data = cluster.data.to_str().expect("a path is UTF-8");
        let mut arguments = vec!["-D", data, "-U", "postgres", "-E", "UTF8", "--locale=C"];
        arguments.extend(["--no-instructions", "--auth=trust"]);
        // A disk of the test's own may lose its power.
        if !matches!(builder.place, Place::Below(_)) {
            arguments.push("--no-sync");
        }
        let log = builder.log_below.map(|below| below.canonicalize().expect("a folder").join("wal"));
        if let Some(log) = &log {
            make_folder(log);
            arguments.extend(["--waldir", log.to_str().expect("a path is UTF-8")]);
        }
        let file = folder.join("password");
        if let Some(password) = &builder.password {
            fs::write(&file, password).expect("a folder of ours");
            give(&file);
            arguments.extend([
                "--auth-host=scram-sha-256",
                "--pwfile",
                file.to_str().expect("a path is UTF-8"),
            ]);
        }
        cluster.programs.run("initdb", &arguments);
        cluster.password = builder.password;

        // In files of its own, or who kills the server leaves them in `/dev/shm`.
        cluster.set(&[("dynamic_shared_memory_type", "mmap"), ("max_connections", "200")]);
        if builder.is_encrypted {
            cluster.root_certificate = Some(certificate::make(folder));
            let path = |file: &str| folder.join(file).display().to_string();
            let (certificate, key) = (path("server.crt"), path("server.key"));
            cluster.set(&[("ssl", "on"), ("ssl_cert_file", &certificate), ("ssl_key_file", &key)]);
        }
        let access = cluster.data.join("pg_hba.conf");
        let rest = fs::read_to_string(&access).expect("initdb made it");
        fs::write(&access, builder.access.join("\n") + "\n" + &rest).expect("our file");
        cluster.set(&builder.settings);
        cluster
    }

    /// Room for one.
    pub(super) fn empty(programs: Programs, place: &Place) -> Self {
        let folder = folder(matches!(place, Place::Memory)).keep();
        give(&folder);
        let data = match place {
            Place::Disk | Place::Memory => folder.join("data"),
            Place::Below(other) => other.canonicalize().expect("a folder").join("data"),
        };
        make_folder(&data);
        Self {
            programs,
            _guardian: Guardian::new(&data, &folder),
            folder,
            data,
            is_in_memory: matches!(place, Place::Memory),
            port: free_port(),
            password: None,
            root_certificate: None,
            environment: Vec::new(),
        }
    }

    /// Sets what counts from the next start on. `ALTER SYSTEM` goes before it.
    pub(super) fn set(&self, settings: &[(impl AsRef<str>, impl AsRef<str>)]) {
        let line = |(name, value): &(_, _)| setting(AsRef::as_ref(name), AsRef::as_ref(value));
        let lines: String = settings.iter().map(line).collect();
        let file = self.data.join("postgresql.conf");
        let text = fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        fs::write(&file, text + &lines).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    }

    /// Sets where the server listens.
    pub(super) fn set_places(&self) {
        let (folder, port) = (self.folder.display().to_string(), self.port.to_string());
        self.set(&[
            ("unix_socket_directories", &*folder),
            ("listen_addresses", "127.0.0.1"),
            ("port", &port),
        ]);
    }

    pub(super) fn log(&self) -> PathBuf {
        self.folder.join("log")
    }
}

fn setting(name: &str, value: &str) -> String {
    format!("{name} = '{}'\n", value.replace('\'', "''"))
}

fn folder(in_memory: bool) -> TempDir {
    let memory = Path::new("/dev/shm");
    let has_room = || rustix::fs::statvfs(memory).is_ok_and(|room| room.f_bavail * room.f_frsize > ROOM);
    let disk = std::env::temp_dir();
    let parent = match () {
        () if in_memory && has_room() => memory,
        () if disk.as_os_str().len() < LONGEST => &disk,
        () => Path::new("/tmp"),
    };
    let folder = tempfile::Builder::new().prefix("es-postgres-").tempdir_in(parent);
    folder.unwrap_or_else(|error| panic!("no folder in {}: {error}", parent.display()))
}

/// One that a server takes: it refuses a folder that others can read.
fn make_folder(path: &Path) {
    let made = fs::DirBuilder::new().mode(0o700).create(path);
    made.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    give(path);
}

/// A port that nobody listens on now.
pub(super) fn free_port() -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).and_then(|listener| listener.local_addr());
    listener.unwrap_or_else(|error| panic!("no free port: {error}")).port()
}
