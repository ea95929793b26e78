//! Creates an object as `--dry-run`, `--validate` and `-o` want it, and says so.

use serde_json::Value;

use crate::args::client::{DryRun, MakeArguments, Validate};
use crate::client::connect::Connection;
use crate::client::output::{self, Output, print, qualified_name};
use crate::client::request::Pairs;
use crate::client::resource::Resource;

/// Who changes fields, to the server.
pub(crate) const FIELD_MANAGER: &str = "mayfly";

/// Makes objects.
pub(crate) struct Maker<'a> {
    connection: &'a Connection,
    arguments: &'a MakeArguments,
}

impl<'a> Maker<'a> {
    pub(crate) fn new(connection: &'a Connection, arguments: &'a MakeArguments) -> Self {
        Self { connection, arguments }
    }

    /// Creates `object` in `namespace`, and prints that it is.
    pub(crate) async fn create(
        &self,
        resource: &Resource,
        namespace: &str,
        object: Value,
    ) -> anyhow::Result<()> {
        let made = if self.arguments.dry_run == DryRun::Client {
            object
        } else {
            let path = resource.path(Some(namespace));
            self.connection.server.post(&path, &self.query(FIELD_MANAGER), &object).await?
        };
        self.say(&made, "created")
    }

    /// The query of a change by `manager`.
    pub(crate) fn query(&self, manager: &str) -> Pairs {
        let validation = match self.arguments.validate {
            Validate::Strict => "Strict",
            Validate::Warn => "Warn",
            Validate::Ignore => "Ignore",
        };
        let mut query =
            vec![("fieldManager", manager.to_owned()), ("fieldValidation", validation.to_owned())];
        if self.arguments.dry_run == DryRun::Server {
            query.push(("dryRun", "All".to_owned()));
        }
        query
    }

    /// Prints that `object` was `done`, or the object.
    pub(crate) fn say(&self, object: &Value, done: &str) -> anyhow::Result<()> {
        let tried = match self.arguments.dry_run {
            DryRun::None => "",
            DryRun::Client => " (dry run)",
            DryRun::Server => " (server dry run)",
        };
        match &self.arguments.output {
            None | Some(Output::Wide) => {
                print(&format!("{} {done}{tried}\n", qualified_name(object)))
            }
            Some(form) => {
                let mut object = object.clone();
                output::without_managed_fields(&mut object);
                print(&form.text_of(&object)?)
            }
        }
    }
}
