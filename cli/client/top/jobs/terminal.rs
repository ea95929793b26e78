//! The terminal while it is ours: a screen of its own, keys as they are pressed, no cursor; and as it
//! was before, however we end.

use std::io::{self, IsTerminal as _, Read as _, Write as _};
use std::sync::{Mutex, Once, PoisonError};
use std::thread;

use rustix::termios::{OptionalActions, Termios, tcgetattr, tcgetwinsize, tcsetattr};
use tokio::sync::mpsc;

use super::draw::{Line, Size, Style};
use super::keys::keys;
use super::view::Key;

/// Keys that wait to be looked at. Stops a text that is pasted from filling memory: the rest waits
/// in the terminal.
const KEYS_MAX: usize = 256;

/// A screen of its own, without a cursor; and back.
const ENTER: &str = "\x1b[?1049h\x1b[?25l\x1b[2J";
const LEAVE: &str = "\x1b[0m\x1b[?25h\x1b[?1049l";

/// What the terminal was before it was ours, while it is.
static BEFORE: Mutex<Option<Termios>> = Mutex::new(None);

/// A terminal that is ours until this is dropped.
pub(super) struct Terminal {
    /// What is on it.
    shown: Vec<Line>,
    size: Size,
    has_colours: bool,
}

/// Whether there is a terminal to draw on, and to type at.
pub(super) fn is_there() -> bool {
    let is_dumb = std::env::var_os("TERM").is_none_or(|it| it.is_empty() || it == "dumb");
    io::stdout().is_terminal() && io::stdin().is_terminal() && !is_dumb
}

impl Terminal {
    /// Takes the terminal.
    pub(super) fn take() -> io::Result<Self> {
        let before = tcgetattr(io::stdin())?;
        let mut ours = before.clone();
        ours.make_raw();
        *BEFORE.lock().unwrap_or_else(PoisonError::into_inner) = Some(before);
        give_back_before_a_panic_is_told();
        let terminal = Self {
            shown: Vec::new(),
            size: size(),
            has_colours: std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty()),
        };
        tcsetattr(io::stdin(), OptionalActions::Now, &ours)?;
        write(ENTER)?;
        Ok(terminal)
    }

    /// How large it is.
    pub(super) fn size(&self) -> Size {
        self.size
    }

    /// Looks how large it has become.
    pub(super) fn measure(&mut self) {
        self.size = size();
        self.shown.clear();
    }

    /// Shows `lines`, of which it writes those that have changed.
    pub(super) fn show(&mut self, lines: Vec<Line>) -> io::Result<()> {
        let mut text = String::new();
        if self.shown.len() != lines.len() {
            self.shown.clear();
            text += "\x1b[0m\x1b[2J";
        }
        for (index, line) in lines.iter().enumerate() {
            if self.shown.get(index) == Some(line) {
                continue;
            }
            let style = match (line.style, self.has_colours) {
                (Style::Plain, _) => "",
                (Style::Faint, _) => "\x1b[2m",
                (Style::Strong, _) => "\x1b[1m",
                (Style::Reversed, _) => "\x1b[7m",
                (Style::Alarm, true) => "\x1b[1;31m",
                (Style::Alarm, false) => "\x1b[1m",
            };
            text += &format!("\x1b[{};1H{style}{}\x1b[0m\x1b[K", index + 1, line.text);
        }
        self.shown = lines;
        if text.is_empty() { Ok(()) } else { write(&text) }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        give_back();
    }
}

/// Makes the terminal what it was, if it is not yet.
fn give_back() {
    let before = BEFORE.lock().unwrap_or_else(PoisonError::into_inner).take();
    if let Some(before) = before {
        // It may be gone, and then there is nothing to be done.
        let _ = write(LEAVE);
        let _ = tcsetattr(io::stdin(), OptionalActions::Now, &before);
    }
}

/// What a panic says is to be read on the screen that stays.
fn give_back_before_a_panic_is_told() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let tell = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            give_back();
            tell(panic);
        }));
    });
}

fn size() -> Size {
    // One that does not say is taken for what terminals were when they could not.
    let usual = Size { width: 80, height: 24 };
    let Ok(said) = tcgetwinsize(io::stdout()) else { return usual };
    match (said.ws_col, said.ws_row) {
        (0, _) | (_, 0) => usual,
        (width, height) => Size { width: width.into(), height: height.into() },
    }
}

fn write(text: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(text.as_bytes())?;
    stdout.flush()
}

/// Keys as they are pressed; none any more when the terminal is gone.
pub(super) fn pressed() -> mpsc::Receiver<Key> {
    let (sender, keys_pressed) = mpsc::channel(KEYS_MAX);
    // It waits in a call that nothing ends but a key, so it is left behind at our end.
    thread::spawn(move || {
        let mut bytes = [0; 256];
        while let Ok(count @ 1..) = io::stdin().lock().read(&mut bytes) {
            for key in keys(&bytes[..count]) {
                if sender.blocking_send(key).is_err() {
                    return;
                }
            }
        }
    });
    keys_pressed
}
