//! The commands that speak to a server, as a user on a host without kubectl meets them.

mod changes;
mod kubectl;
mod live;
mod reads;
mod top;
mod transcript;
mod waits;
mod wrong;

use crate::harness::{Ended, Home, PATIENTLY, Server, guest};

/// A home with a server in it, which has images that do what they are called.
struct Site {
    home: Home,
    // Held so that it serves.
    _server: Server,
}

/// The images, and the guests behind them.
const IMAGES: [(&str, &str); 4] =
    [("pi", "job_pi"), ("echo", "job_echo"), ("exit", "exit_code"), ("sleep", "job_sleep")];

impl Site {
    fn new() -> Self {
        let home = Home::new();
        let images = IMAGES.map(|(name, file)| format!("{name}={}", guest(file)));
        let options: Vec<&str> =
            images.iter().flat_map(|image| ["--image", image.as_str()]).collect();
        let server = Server::start(&home, &options);
        Self { home, _server: server }
    }

    /// Runs `mayfly`, which finds the server by itself, with words that are separated by spaces.
    fn run(&self, words: &str) -> Ended {
        self.home.run(&words.split(' ').collect::<Vec<_>>())
    }

    /// The standard output of a command that is done.
    fn told(&self, words: &str) -> String {
        self.run(words).exits(0).stdout
    }

    /// Waits until it is so, as `mayfly wait` does with these words, and returns what that says.
    fn wait(&self, words: &str) -> String {
        self.told(&format!("wait {PATIENTLY} {words}"))
    }

    /// Writes a Job to `NAME.yaml`.
    fn job(&self, name: &str, spec: &str, image: &str, args: &str) -> String {
        let file = format!("{name}.yaml");
        let container = format!("image: {image}\nargs: [{args}]");
        self.home.write(&file, crate::harness::job(name, spec, &container));
        file
    }
}
