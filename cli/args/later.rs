//! Commands whose options are described when they are asked for: to describe those of all takes a tenth
//! of the time in which `mayfly run` runs a small program.

use std::ops::Deref;

use clap::builder::Resettable;
use clap::error::Error;
use clap::{ArgMatches, Args, Command, FromArgMatches, Id};

/// The arguments of a command, which nobody needs to know while it is another that is run.
#[derive(Clone, Debug)]
pub(crate) struct Later<T>(T);

impl<T> Deref for Later<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T: Args> Args for Later<T> {
    fn augment_args(command: Command) -> Command {
        command.defer(described::<T>)
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }

    fn group_id() -> Option<Id> {
        T::group_id()
    }
}

/// `command` with the arguments of `T`, and what has been said of it so far: that comes first in a list
/// of commands, and is what counts.
fn described<T: Args>(command: Command) -> Command {
    let said = (command.get_about().cloned(), command.get_long_about().cloned());
    let described = T::augment_args(command);
    match said {
        (Some(about), long) => described.about(about).long_about(Resettable::from(long)),
        (None, _) => described,
    }
}

impl<T: FromArgMatches> FromArgMatches for Later<T> {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, Error> {
        T::from_arg_matches(matches).map(Self)
    }

    fn from_arg_matches_mut(matches: &mut ArgMatches) -> Result<Self, Error> {
        T::from_arg_matches_mut(matches).map(Self)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), Error> {
        self.0.update_from_arg_matches(matches)
    }

    fn update_from_arg_matches_mut(&mut self, matches: &mut ArgMatches) -> Result<(), Error> {
        self.0.update_from_arg_matches_mut(matches)
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use crate::args::Arguments;

    #[test]
    fn only_what_is_asked_for_is_described() {
        let mut command = Arguments::command();
        let line = ["mayfly", "run", "job.yaml"];
        command.try_get_matches_from_mut(line).expect("it must make sense");
        let is_described = |name| {
            let command = command.find_subcommand(name).expect("it must be there");
            assert!(command.get_about().is_some(), "{name} is in the list of commands");
            command.get_arguments().any(|it| it.get_long() == Some("image"))
        };
        assert_eq!(["run", "serve", "node"].map(is_described), [true, false, false]);
        command.build();
        let all = ["run", "serve", "node"].map(|name| command.find_subcommand(name));
        assert!(
            all.into_iter()
                .flatten()
                .all(|it| { it.get_arguments().any(|it| it.get_long() == Some("image")) })
        );
    }
}
