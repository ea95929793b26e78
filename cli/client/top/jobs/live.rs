//! The loop: news, keys and the size of the terminal in, the screen out.

use std::time::Duration;

use anyhow::Context as _;
use jiff::Timestamp;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};

use super::draw::{Troubles, rows_height, screen};
use super::feed::Feed;
use super::known::{Known, News};
use super::rows::{Row, rows};
use super::terminal::{Terminal, pressed};
use super::view::{Key, Then, View};
use crate::client::request::Server;
use crate::exit::{Exit, SIGTERM};

/// The least time between two screens that nobody has pressed a key for. Stops a busy server from
/// having the terminal drawn all the time; soon enough for people.
const FRAME: Duration = Duration::from_millis(250);

/// How often ages are drawn anew.
const TICK: Duration = Duration::from_secs(1);

/// What is on the screen, and behind it.
struct Live {
    view: View,
    known: Known,
    /// What is shown while it is paused, and when that was.
    paused: Option<(Known, Timestamp)>,
    troubles: Troubles,
    rows: Vec<Row>,
}

/// Shows what `server` knows in the way of `view` until somebody has seen enough.
pub(super) async fn live(server: &Server, view: View) -> anyhow::Result<Exit> {
    let mut ends = Ends::listen()?;
    let mut resized = listen(SignalKind::window_change())?;
    let mut feed = Feed::begin(server, view.namespace.as_deref());
    let mut live = Live {
        view,
        known: Known::default(),
        paused: None,
        troubles: Troubles::new(),
        rows: Vec::new(),
    };
    let mut terminal = Terminal::take().context("can't use the terminal")?;
    let mut keys = pressed();
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut drawn = Instant::now();
    live.draw(&mut terminal)?;
    let mut is_new = false;
    loop {
        tokio::select! {
            biased;
            exit = ends.next() => return Ok(exit),
            key = keys.recv() => {
                let Some(key) = key else { return Ok(Exit::Failed) };
                match live.press(key, &terminal) {
                    Then::Quit => return Ok(Exit::Done),
                    Then::LookElsewhere => {
                        feed = Feed::begin(server, live.view.namespace.as_deref());
                    }
                    Then::Nothing => {}
                }
            }
            _ = resized.recv() => terminal.measure(),
            () = sleep_until(drawn + FRAME), if is_new => {}
            _ = ticks.tick() => {}
            news = feed.next() => {
                live.learn(news.context("a part of mayfly has ended by itself")?);
                while let Some(news) = feed.ready() {
                    live.learn(news);
                }
                is_new = true;
                continue;
            }
        }
        live.draw(&mut terminal)?;
        (drawn, is_new) = (Instant::now(), false);
    }
}

impl Live {
    fn learn(&mut self, news: News) {
        match news {
            News::Trouble(about, None) => drop(self.troubles.remove(&about)),
            News::Trouble(about, Some(why)) => drop(self.troubles.insert(about, why)),
            news => self.known.learn(news),
        }
    }

    fn press(&mut self, key: Key, terminal: &Terminal) -> Then {
        let then = self.view.press(key, &self.rows, rows_height(terminal.size()));
        if then == Then::LookElsewhere {
            (self.known, self.troubles) = (Known::default(), Troubles::new());
        }
        match (self.view.is_paused, &self.paused) {
            (true, None) => self.paused = Some((self.known.clone(), Timestamp::now())),
            (false, _) => self.paused = None,
            (true, Some(_)) => {}
        }
        then
    }

    fn draw(&mut self, terminal: &mut Terminal) -> anyhow::Result<()> {
        let size = terminal.size();
        let (known, now) = match &self.paused {
            Some((known, since)) => (known, *since),
            None => (&self.known, Timestamp::now()),
        };
        self.rows = rows(known, &self.view, now);
        self.view.settle(&self.rows, rows_height(size));
        let lines = screen(known, &self.rows, &self.view, &self.troubles, size);
        terminal.show(lines).context("can't draw on the terminal")
    }
}

/// Signals that end it, in order.
struct Ends {
    interrupt: Signal,
    terminate: Signal,
    hangup: Signal,
    quit: Signal,
}

impl Ends {
    fn listen() -> anyhow::Result<Self> {
        Ok(Self {
            interrupt: listen(SignalKind::interrupt())?,
            terminate: listen(SignalKind::terminate())?,
            hangup: listen(SignalKind::hangup())?,
            quit: listen(SignalKind::quit())?,
        })
    }

    async fn next(&mut self) -> Exit {
        tokio::select! {
            biased;
            // What Ctrl-C does, from elsewhere.
            _ = self.interrupt.recv() => Exit::Done,
            _ = self.quit.recv() => Exit::Done,
            _ = self.terminate.recv() => Exit::Signal(SIGTERM),
            _ = self.hangup.recv() => Exit::Failed,
        }
    }
}

fn listen(kind: SignalKind) -> anyhow::Result<Signal> {
    signal(kind).context("can't listen for signals")
}
