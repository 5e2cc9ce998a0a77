use std::io::ErrorKind;
use std::net::SocketAddr;

use clap::Args;
use plimsoll_server::{Server, ServerConfig, StartError};
use tokio::signal::unix::{SignalKind, signal};

use crate::context::Context;
use crate::failure::Failure;
use crate::settings::{Layered, Settings, SettingsArguments, suspicious_variables};
use crate::terminal::Terminal;

/// Ports from here on are free for everybody.
const PORT_UNPRIVILEGED_MIN: u16 = 1024;

/// Run the server
#[derive(Debug, Args)]
pub(crate) struct Serve {
    #[command(flatten)]
    settings: SettingsArguments,
}

impl Serve {
    pub(crate) fn run(&self, context: &mut Context) -> Result<(), Failure> {
        let settings = Settings::of(&Layered::read(&self.settings, context.environment())?)?;
        for (name, near) in suspicious_variables(context.environment()) {
            context.terminal().warn(&format!("`{name}` is no setting; did you mean `{near}`?"));
        }
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()
            .map_err(|error| Failure::not_evaluated("cannot start worker threads").because(&error))?;
        let config = settings.server(context.environment())?;
        runtime.block_on(serve(&settings, config, context.terminal()))
    }
}

async fn serve(settings: &Settings, config: ServerConfig, terminal: &mut Terminal) -> Result<(), Failure> {
    let stop = stop_signal()?;
    let server = Server::build(config).await.map_err(|error| cannot_start(&error, settings))?;
    greet(&server, settings, terminal);
    server.run(stop).await;
    Ok(())
}

/// Ends when the system or the user asks the server to stop.
fn stop_signal() -> Result<impl Future<Output = ()>, Failure> {
    let listen = |kind| {
        signal(kind).map_err(|error| Failure::not_evaluated("cannot wait for signals").because(&error))
    };
    let (mut terminate, mut interrupt) = (listen(SignalKind::terminate())?, listen(SignalKind::interrupt())?);
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

fn greet(server: &Server, settings: &Settings, terminal: &mut Terminal) {
    let scheme = if settings.tls.is_some() { "https" } else { "http" };
    let addresses = server.addresses();
    for address in &addresses {
        terminal.note(&format!("listening on {scheme}://{address}"));
    }
    if !server.is_open() {
        return;
    }
    let data_dir = settings.data_dir.display();
    terminal.warn("there are no users yet: anybody on this machine may push and pull, and nobody else");
    if terminal.reports_in_json() {
        // What follows is for people.
        return;
    }
    terminal.note(&format!("  make the first user:  plimsoll user add NAME --admin --data-dir {data_dir}"));
    if let Some(address) = addresses.first().map(as_host) {
        terminal.note(&format!("  push an image:        plimsoll cp oci:DIR {address}/team/app:1"));
        terminal.note(&format!("  look inside:          plimsoll inspect {address}/team/app:1"));
    }
}

/// The address as it stands in a reference.
fn as_host(address: &SocketAddr) -> String {
    if address.ip().is_loopback() { format!("localhost:{}", address.port()) } else { address.to_string() }
}

fn cannot_start(error: &StartError, settings: &Settings) -> Failure {
    let failure = Failure::not_evaluated("the server cannot start").because(error);
    match error {
        StartError::OpenToStrangers(_) => {
            let data_dir = settings.data_dir.display();
            let help = format!("plimsoll user add NAME --admin --data-dir {data_dir}");
            Failure { verdict: crate::failure::Verdict::Usage, ..failure }.help(help)
        }
        StartError::Listen { address, source }
            if source.kind() == ErrorKind::PermissionDenied && address.port() < PORT_UNPRIVILEGED_MIN =>
        {
            failure.help(format!(
                "ports below {PORT_UNPRIVILEGED_MIN} need root or CAP_NET_BIND_SERVICE; take another with --listen"
            ))
        }
        StartError::Listen { address, .. } => {
            failure.help(format!("see who listens there: ss -ltnp 'sport = :{}'", address.port()))
        }
        StartError::Storage(_)
        | StartError::Catalogue(_)
        | StartError::Log(_)
        | StartError::SigningKeys(_) => failure,
    }
}
