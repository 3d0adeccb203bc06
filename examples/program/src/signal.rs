//! The signals that end a program: the first asks, the second insists.

use std::fmt;
use std::future::Future;
use std::io;
use std::sync::mpsc;
use std::thread;

use tokio::runtime;
use tokio::sync::oneshot;

/// What asked the program to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    /// SIGINT, or Ctrl-C.
    Interrupt,
    /// SIGTERM.
    Terminate,
}

impl Signal {
    /// What a shell calls the exit of a program that the signal ended.
    const fn exit_code(self) -> i32 {
        match self {
            Self::Interrupt => 130,
            Self::Terminate => 143,
        }
    }
}

impl fmt::Display for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Interrupt => "SIGINT",
            Self::Terminate => "SIGTERM",
        })
    }
}

/// Listens for SIGINT and SIGTERM from now on, and resolves at the first: time to drain.
///
/// The second ends the process at once, with exit code 130 or 143, even if the drain hangs or every thread of the
/// program's runtime is busy: a thread of its own listens. It goes on when the future is dropped. To be called once,
/// early: a signal that comes before it ends the process as usual.
///
/// # Errors
/// The operating system refuses the thread or the signal's handler.
pub fn shutdown_signal() -> io::Result<impl Future<Output = Signal> + Send + 'static> {
    let (ready, is_ready) = mpsc::sync_channel(1);
    let (first, is_first) = oneshot::channel();
    thread::Builder::new().name("signals".into()).spawn(move || listen(&ready, first))?;
    is_ready.recv().map_err(|_| io::Error::other("the thread that listens for signals ended"))??;

    Ok(async move {
        // A program that hears no signals any more could not be stopped: it ends now.
        is_first.await.unwrap_or(Signal::Terminate)
    })
}

fn listen(ready: &mpsc::SyncSender<io::Result<()>>, first: oneshot::Sender<Signal>) {
    let started = runtime::Builder::new_current_thread().enable_io().build().and_then(|runtime| {
        let signals = runtime.block_on(async { Signals::new() })?;
        Ok((runtime, signals))
    });
    let (runtime, mut signals) = match started {
        Ok(started) => started,
        Err(error) => {
            // Whoever asked is told, or is gone.
            let _ = ready.send(Err(error));
            return;
        }
    };
    let _ = ready.send(Ok(()));
    runtime.block_on(async {
        // Nobody may wait for the first any more; the second counts all the same.
        let _ = first.send(signals.next().await);
        std::process::exit(signals.next().await.exit_code());
    });
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

    async fn next(&mut self) -> Signal {
        std::future::poll_fn(|context| {
            if self.interrupt.poll_recv(context).is_ready() {
                return std::task::Poll::Ready(Signal::Interrupt);
            }
            self.terminate.poll_recv(context).map(|_| Signal::Terminate)
        })
        .await
    }
}

#[cfg(windows)]
struct Signals(tokio::signal::windows::CtrlC);

#[cfg(windows)]
impl Signals {
    fn new() -> io::Result<Self> {
        tokio::signal::windows::ctrl_c().map(Self)
    }

    async fn next(&mut self) -> Signal {
        self.0.recv().await;
        Signal::Interrupt
    }
}
