//! `mayfly create`: objects of manifests, or one made of the options of its kind.

mod content;
mod kinds;
mod make;

use super::complaint::{Complaint, Complaints, doing};
use super::connect::Connection;
use super::files;
use super::resource::Resources;
use crate::args::client::CreateArguments;
use crate::exit::Exit;

pub(super) use make::{FIELD_MANAGER, Maker};

/// Creates what `arguments` say.
pub(super) async fn create(arguments: &CreateArguments) -> anyhow::Result<Exit> {
    if let Some(command) = &arguments.one {
        return kinds::create(command).await;
    }
    if arguments.files.files.is_empty() {
        return Err(Complaint::usage(
            "must specify -f FILE, or a kind such as `mayfly create job`",
        ));
    }
    let documents = files::read(&arguments.files)?;
    let connection = Connection::open(&arguments.make.server).await?;
    let mut resources = Resources::new(&connection.server);
    let maker = Maker::new(&connection, &arguments.make);
    let mut complaints = Complaints::default();
    for document in documents {
        let resource = resources.of_kind(&document.api_version(), &document.kind()).await;
        let Some(resource) = complaints.take(resource)? else { continue };
        let namespace = document.namespace(&connection);
        let Some(namespace) = complaints.take(namespace)? else { continue };
        let source = document.place.source.clone();
        let mut object = document.object;
        if resource.is_namespaced {
            object["metadata"]["namespace"] = namespace.as_str().into();
        }
        let made = maker.create(&resource, &namespace, object).await;
        complaints.take(doing(made, &format!("error when creating \"{source}\": ")))?;
    }
    complaints.finish()
}
