//! A PostgreSQL server for tests: what `DATABASE_URL` names, else a private one that is started from this machine's
//! binaries once for a test binary and is gone when that ends, however it ends.

#![allow(dead_code, reason = "no test target asks for everything")]

use std::ffi::OsStr;
use std::fs::{self, Permissions};
use std::io::Write;
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU32, Ordering};

use sqlx::postgres::PgConnection;
use sqlx::{Connection, Executor};

/// The role that owns a private server's databases, and its password where one is asked for.
pub(crate) const ROLE: &str = "amt";
pub(crate) const PASSWORD: &str = "C4nary!bird";

/// The server that the tests of this binary share; `None`, after a loud line, where there is none. With
/// `REQUIRE_POSTGRES=1` that is a failure.
pub(crate) fn server() -> Option<Server> {
    match std::env::var("DATABASE_URL") {
        Ok(url) => Some(Server { url }),
        Err(_) => cluster().map(|cluster| Server { url: cluster.url() }),
    }
}

/// The private server that the tests of this binary share; `None` as above.
pub(crate) fn cluster() -> Option<&'static Cluster> {
    static CLUSTER: LazyLock<Option<Cluster>> = LazyLock::new(Cluster::start);
    if CLUSTER.is_none() {
        skipped();
    }
    CLUSTER.as_ref()
}

/// A private server for one test alone; `None` as above.
pub(crate) fn private() -> Option<Cluster> {
    let cluster = Cluster::start();
    if cluster.is_none() {
        skipped();
    }
    cluster
}

fn skipped() {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed) + 1;
    let missing = format!("SKIPPED on PostgreSQL: {count} so far; install postgresql, or set DATABASE_URL");
    assert_ne!(std::env::var("REQUIRE_POSTGRES").as_deref(), Ok("1"), "{missing}");
    // Past the test harness, which would swallow the line of a test that passes.
    writeln!(std::io::stderr(), "{missing}").expect("a standard error stream");
}

/// A server that tests share: each works in a schema of its own.
pub(crate) struct Server {
    url: String,
}

impl Server {
    /// A schema that nobody else has.
    pub(crate) async fn schema(&self) -> Schema {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("amt_test_{}_{count}", std::process::id());
        run(&self.url, format!("DROP SCHEMA IF EXISTS {name} CASCADE; CREATE SCHEMA {name}")).await;
        Schema { server: self.url.clone(), name }
    }
}

/// A schema, which is dropped with it.
pub(crate) struct Schema {
    server: String,
    name: String,
}

impl Schema {
    /// The database's address with this schema in front.
    pub(crate) fn url(&self) -> String {
        let Self { server, name } = self;
        let with = if server.contains('?') { '&' } else { '?' };
        format!("{server}{with}options=-c%20search_path%3D{name}")
    }
}

impl Drop for Schema {
    fn drop(&mut self) {
        smol::block_on(run(&self.server, format!("DROP SCHEMA {} CASCADE", self.name)));
    }
}

/// Runs statements of the test's own.
pub(crate) async fn run(url: &str, sql: String) {
    let mut connection = PgConnection::connect(url).await.expect("the tests' database answers");
    connection.execute(sqlx::AssertSqlSafe(sql)).await.expect("a statement of the test");
    connection.close().await.expect("an orderly end");
}

/// A private server in a folder of its own: a socket for those who need no password, TLS on loopback for those who do.
pub(crate) struct Cluster {
    binaries: PathBuf,
    folder: PathBuf,
    user: Option<(u32, u32)>,
    port: u16,
    /// Stops the server and removes the folder as soon as this process is gone: it reads from a pipe that nobody
    /// writes to, and at the pipe's end it knows.
    guard: Child,
}

impl Cluster {
    fn start() -> Option<Self> {
        let binaries = binaries()?;
        let user = unprivileged();
        let folder = tempfile::Builder::new().prefix("amt-pg-").tempdir().expect("a temporary folder").keep();
        // The user that the server runs as passes through; the socket is in there.
        fs::set_permissions(&folder, Permissions::from_mode(0o755)).expect("our own folder");
        give(&folder, user);
        let port = {
            let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
            free.local_addr().expect("a bound address").port()
        };
        let data = folder.join("data");
        let mut stop = as_user(user, binaries.join("pg_ctl"));
        stop.arg("-D").arg(&data).args(["-m", "immediate", "stop"]);
        let stop: Vec<&OsStr> = std::iter::once(stop.get_program()).chain(stop.get_args()).collect();
        let guard = Command::new("sh")
            .args(["-c", "folder=$1; shift; cat; \"$@\"; rm -rf \"$folder\"", "guard"])
            .arg(&folder)
            .args(stop)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            // Not ended by what ends us at a terminal.
            .process_group(0)
            .spawn()
            .expect("a shell");
        let cluster = Self { binaries, folder, user, port, guard };
        cluster.create();
        cluster.control("start");
        smol::block_on(run(&cluster.url(), format!("ALTER ROLE {ROLE} PASSWORD '{PASSWORD}'")));
        Some(cluster)
    }

    fn create(&self) {
        let data = self.folder.join("data");
        let mut initdb = as_user(self.user, self.binaries.join("initdb"));
        initdb.arg("-D").arg(&data).args(["-U", ROLE, "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync"]);
        checked(initdb.args(["--auth-local=trust", "--auth-host=scram-sha-256"]));

        let issuer = rcgen::KeyPair::generate().expect("a key");
        let mut params = rcgen::CertificateParams::new([]).expect("no names");
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let issuer = rcgen::CertifiedIssuer::self_signed(params, issuer).expect("a root");
        let key = rcgen::KeyPair::generate().expect("a key");
        let params = rcgen::CertificateParams::new(["localhost".to_owned()]).expect("a name");
        let certificate = params.signed_by(&key, &issuer).expect("a certificate");
        fs::write(self.root(), issuer.pem()).expect("our own folder");
        for (name, text) in [("server.crt", certificate.pem()), ("server.key", key.serialize_pem())] {
            let path = data.join(name);
            fs::write(&path, text).expect("our own folder");
            fs::set_permissions(&path, Permissions::from_mode(0o600)).expect("our own file");
            give(&path, self.user);
        }
        let settings = format!(
            "listen_addresses = '127.0.0.1'\nport = {}\nunix_socket_directories = '{}'\nssl = on\nmax_connections = 200\n",
            self.port,
            self.folder.display()
        );
        let mut file = fs::OpenOptions::new().append(true).open(data.join("postgresql.conf")).expect("its settings");
        file.write_all(settings.as_bytes()).expect("our own file");
    }

    fn control(&self, what: &str) {
        let mut control = as_user(self.user, self.binaries.join("pg_ctl"));
        control.arg("-D").arg(self.folder.join("data")).arg("-l").arg(self.folder.join("log"));
        checked(control.args(["-w", "-m", "immediate", what]));
    }

    /// The server, killed and started again.
    pub(crate) fn restart(&self) {
        self.control("restart");
    }

    /// The server, killed.
    pub(crate) fn stop(&self) {
        self.control("stop");
    }

    /// All that its database has, as `pg_dump` writes it.
    pub(crate) fn dump(&self) -> Vec<u8> {
        let mut dump = as_user(self.user, self.binaries.join("pg_dump"));
        dump.arg("--host").arg(&self.folder).args(["--port", &self.port.to_string(), "--username", ROLE, "postgres"]);
        let output = dump.current_dir("/").stdin(Stdio::null()).output().expect("PostgreSQL's own programs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        output.stdout
    }

    /// Where it is, by its socket.
    pub(crate) fn url(&self) -> String {
        format!("postgres:///postgres?host={}&port={}&user={ROLE}", self.folder.display(), self.port)
    }

    /// Where it is over TCP, without a password.
    pub(crate) fn tcp(&self) -> String {
        format!("localhost:{}/postgres", self.port)
    }

    /// The certificate that its TLS ends in.
    pub(crate) fn root(&self) -> PathBuf {
        self.folder.join("root.crt")
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        drop(self.guard.stdin.take());
        self.guard.wait().expect("our own process");
    }
}

/// The newest PostgreSQL of this machine: where Debian has it, else where `initdb` is on the path.
fn binaries() -> Option<PathBuf> {
    let debian = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let newest = debian.max_by_key(|entry| entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok()));
    let path = std::env::var_os("PATH").unwrap_or_default();
    let on_path = std::env::split_paths(&path).collect::<Vec<_>>();
    newest.map(|version| version.path().join("bin")).into_iter().chain(on_path).find(|bin| bin.join("initdb").is_file())
}

/// Whom `initdb`, which refuses root, runs as; `None` for who we are.
fn unprivileged() -> Option<(u32, u32)> {
    if fs::metadata("/proc/self").map_or(1, |process| process.uid()) != 0 {
        return None;
    }
    let id = |kind: &str, name: &str| {
        let output = Command::new("id").args([kind, name]).stderr(Stdio::null()).output().ok()?;
        String::from_utf8(output.stdout).ok()?.trim().parse::<u32>().ok()
    };
    ["postgres", "nobody"].iter().find_map(|name| Some((id("-u", name)?, id("-g", name)?)))
}

fn as_user(user: Option<(u32, u32)>, program: PathBuf) -> Command {
    let Some((user, group)) = user else { return Command::new(program) };
    let mut command = Command::new("setpriv");
    command.arg(format!("--reuid={user}")).arg(format!("--regid={group}")).arg("--clear-groups").arg(program);
    command
}

fn give(path: &Path, user: Option<(u32, u32)>) {
    if let Some((user, group)) = user {
        chown(path, Some(user), Some(group)).expect("root gives what it has");
    }
}

fn checked(command: &mut Command) {
    // A folder that the other user may be in.
    let output = command.current_dir("/").stdin(Stdio::null()).output().expect("PostgreSQL's own programs");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {said}{}", String::from_utf8_lossy(&output.stdout));
}
