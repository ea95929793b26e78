//! Why etcd could not be asked, or says no.

/// What asking comes to.
pub type Result<T> = std::result::Result<T, Error>;

/// What went wrong.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file of certificates or keys is none.
    #[error("what etcd is to be known by, or shown, can't be used")]
    Credentials(#[source] reqwest::Error),
    /// Nothing was answered. Whether what was asked has happened is not known.
    #[error("etcd at {member} can't be asked")]
    NoAnswer {
        /// Which member.
        member: String,
        /// Why.
        source: reqwest::Error,
    },
    /// It can't answer now, such as without a majority. Whether what was asked has happened is not
    /// known.
    #[error("etcd at {member} is not able to answer: {message}")]
    Unable {
        /// Which member.
        member: String,
        /// What it says.
        message: String,
    },
    /// It is not of the cluster that has answered before.
    #[error(
        "etcd at {member} is of the cluster {theirs}, and those that have answered before are of \
         {ours}: name members of one cluster; if it was restored, start this server again"
    )]
    OtherCluster {
        /// Which member.
        member: String,
        /// Of which cluster it is.
        theirs: String,
        /// Of which cluster the others are.
        ours: String,
    },
    /// It says no. Of all that can be refused, only a lack of room may be found when it has happened.
    #[error("etcd at {member} refuses: {message}")]
    Refused {
        /// Which member.
        member: String,
        /// What it says.
        message: String,
    },
    /// What answers is no etcd, or of a kind that is not known.
    #[error("what {member} answers is not understood: {message}")]
    Strange {
        /// Which member.
        member: String,
        /// What is wrong with it.
        message: String,
    },
    /// What was read from etcd is not what this mayfly writes.
    #[error("{key} in etcd can't be used: {why}")]
    Unusable {
        /// Which key.
        key: String,
        /// What is wrong with it.
        why: String,
    },
    /// The state was written by a newer or older mayfly.
    #[error(
        "the state in etcd is of schema {schema}, written by {writer}, and this is mayfly {}, which \
         knows schema {known}: use that one, or restore a backup of it into another --etcd-prefix",
        env!("CARGO_PKG_VERSION")
    )]
    Schema {
        /// Its schema.
        schema: u32,
        /// Who says so.
        writer: String,
        /// The schema that is known here.
        known: u32,
    },
    /// There is no state where there was one.
    #[error(
        "there is no state in {place}, where there was one, as {file} says: etcd was emptied, or is \
         another one. Restore it; or delete {file} to begin with nothing, which ends all pods"
    )]
    Emptied {
        /// Where the state should be.
        place: String,
        /// What remembers that there was one.
        file: String,
    },
    /// What a server remembers of etcd can't be read.
    #[error("{file}, which says what this server has seen of etcd, can't be used")]
    Memory {
        /// Which file.
        file: String,
        /// Why.
        source: std::io::Error,
    },
    /// This server does not lead, or not any more.
    #[error("this server does not lead any more: {0}")]
    Lost(String),
}

impl Error {
    /// Whether etcd has said no.
    pub(crate) fn is_refusal(&self) -> bool {
        matches!(self, Self::Refused { .. })
    }

    /// Whether another member, or the same one a moment later, may well answer.
    pub(crate) fn is_passing(&self) -> bool {
        matches!(self, Self::NoAnswer { .. } | Self::Unable { .. } | Self::OtherCluster { .. })
    }

    /// Whether what was asked of that member may have happened, or may happen yet.
    pub(crate) fn leaves_doubt(&self) -> bool {
        match self {
            // It was not even reached.
            Self::NoAnswer { source, .. } => !source.is_connect(),
            Self::Unable { .. } => true,
            _ => false,
        }
    }
}

/// `error` with all that it comes from, for a log.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(source) = next {
        text = format!("{text}: {source}");
        next = source.source();
    }
    text
}
