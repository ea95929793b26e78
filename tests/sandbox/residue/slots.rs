//! Whether there is still room for as many guests as there was.

use std::io;
use std::sync::Mutex;

use mayfly_runtime::Output;
use tokio::sync::Semaphore;

use super::crowd::{Crowd, SLOTS};
use super::kind::Kind;
use super::*;

/// Starts as many guests of each kind as there may be, and ends them when all of them are there.
pub(super) async fn all_can_be_had(crowd: &Crowd) {
    for kind in Kind::ALL {
        let arrivals = Arc::new(Arrivals::default());
        let cancel = CancellationToken::new();
        let sandbox = Sandbox::new(crowd.engine.clone());
        let run = |number: usize| {
            let name = format!("guest-{number}");
            let guest = Guest::new().args(["residue", &name, "p"]).output(arrivals.clone());
            sandbox.run(crowd.module(kind), guest, Limits::default(), cancel.clone())
        };
        let runs = futures_util::future::join_all((0..SLOTS).map(run));
        let all_here = async {
            let all = arrivals.here.acquire_many(SLOTS as u32).await;
            all.expect("it is never closed").forget();
            cancel.cancel();
        };
        let both = async { tokio::join!(runs, all_here).0 };
        let ended = tokio::time::timeout(PATIENCE, both).await;
        let ended = ended.unwrap_or_else(|_| panic!("not all slots can be had, as {kind:?}"));
        for outcome in ended {
            let end = outcome.expect("there must be room for it").end;
            assert_eq!(end, End::Cancelled, "{kind:?}");
        }
    }
}

/// Counts guests by the first that each prints: its name.
struct Arrivals {
    names: Mutex<std::collections::HashSet<Vec<u8>>>,
    here: Semaphore,
}

impl Default for Arrivals {
    fn default() -> Self {
        Self { names: Mutex::default(), here: Semaphore::new(0) }
    }
}

impl Output for Arrivals {
    fn write(&self, stream: Stream, bytes: &[u8]) -> io::Result<()> {
        let mut names = self.names.lock().expect("nobody panics with it");
        if stream == Stream::Stdout && names.insert(bytes.to_vec()) {
            self.here.add_permits(1);
        }
        Ok(())
    }
}
