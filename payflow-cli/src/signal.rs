//! Signals that end the tool: the first asks, the second insists.

use std::io;

use tokio::task::JoinHandle;

/// Listens for SIGINT and SIGTERM from now on. What is given ends at the first; the second ends the process at once.
pub(crate) fn shutdown() -> io::Result<impl Future<Output = ()> + Send> {
    let mut signals = Signals::new()?;
    let (first, is_first) = tokio::sync::oneshot::channel();
    let listening: JoinHandle<()> = tokio::spawn(async move {
        signals.next().await;
        // Whoever has ended by itself needs no asking.
        let _ = first.send(());
        signals.next().await;
        std::process::exit(130);
    });
    Ok(async move {
        let _asked = is_first.await;
        drop(listening);
    })
}

#[cfg(unix)]
struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    fn new() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};

        Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }

    async fn next(&mut self) {
        tokio::select! {
            biased;
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

#[cfg(windows)]
struct Signals(tokio::signal::windows::CtrlC);

#[cfg(windows)]
impl Signals {
    fn new() -> io::Result<Self> {
        tokio::signal::windows::ctrl_c().map(Self)
    }

    async fn next(&mut self) {
        self.0.recv().await;
    }
}
