//! A user who makes, changes and deletes Jobs without a pause, and is cut off in the middle.

use k8s_openapi::api::batch::v1::{CronJob, Job};
use kube::Client;
use kube::api::{Api, DeleteParams, Patch, PatchParams, PostParams};
use serde_json::{Value, json};

use super::Shared;
use super::chance::Chance;
use super::kinds::{CRON, Deed, KINDS, Kind, cron_job, kind_of};

/// Jobs that have not ended, beyond which no more are made: a round is too short for many.
const OPEN_MAX: usize = 12;

/// Jobs that have ended, beyond which some are deleted: a list of all must stay quick.
const ENDED_MAX: usize = 24;

/// What a user does at most in one round.
const ACTS_MAX: usize = 6;

/// A user, who remembers what was to be made.
pub(super) struct User<'a> {
    shared: &'a str,
    journal: &'a Shared,
    /// What Jobs are made of.
    kinds: Vec<&'static Kind>,
    /// Whether a request may be refused, since nobody leads, or not known to be kept, since somebody
    /// has ceased to.
    may_be_refused: bool,
    /// How many Jobs there have been.
    made: usize,
    has_cron_job: bool,
}

impl<'a> User<'a> {
    pub(super) fn new(shared: &'a str, journal: &'a Shared) -> Self {
        let kinds = KINDS.iter().collect();
        Self { shared, journal, kinds, may_be_refused: false, made: 0, has_cron_job: false }
    }

    /// A user of several servers, of which one leads, and none runs pods.
    pub(super) fn of_many(shared: &'a str, journal: &'a Shared) -> Self {
        // Restarts wait for ten seconds and more on a node of its own, as a kubelet has it.
        let kinds = KINDS.iter().filter(|kind| kind.name != "restarted").collect();
        Self { kinds, may_be_refused: true, ..Self::new(shared, journal) }
    }

    /// Does this and that, until enough is done or the server ends.
    pub(super) async fn act(&mut self, client: Client, chance: &mut Chance) {
        for _ in 0..=chance.below(ACTS_MAX) {
            match self.act_once(&client, chance).await {
                Ok(()) => {}
                // It was said with the server alive, and is no more than too late.
                Err(kube::Error::Api(status)) if status.code == 404 => {}
                Err(kube::Error::Api(status))
                    if self.may_be_refused && matches!(status.code, 409 | 500 | 503 | 504) => {}
                Err(kube::Error::Api(status)) => {
                    let complaint = format!("a request was refused: {status:?}");
                    self.journal.note(|journal| journal.complaints.push(complaint));
                }
                Err(_) => return,
            }
        }
    }

    async fn act_once(&mut self, client: &Client, chance: &mut Chance) -> kube::Result<()> {
        let jobs = Api::<Job>::default_namespaced(client.clone());
        if !self.has_cron_job {
            return self.make_cron_job(client).await;
        }
        let (open, ended) = {
            let journal = self.journal.lock();
            let names = |(name, _): (&String, _)| name.clone();
            let open: Vec<String> = journal.open().map(names).collect();
            let ended = journal.ended().map(|(name, _)| name.clone());
            // Those of the CronJob tell in the end that no minute was missed.
            let ended: Vec<String> = ended.filter(|it| kind_of(it).name != CRON).collect();
            (open, ended)
        };
        if ended.len() > ENDED_MAX
            && let Some(name) = chance.pick(&ended)
        {
            return self.delete(&jobs, name).await;
        }
        let deeds: Vec<_> = open.iter().filter(|it| kind_of(it).deed.is_some()).collect();
        if chance.one_in(2)
            && let Some(name) = chance.pick(&deeds)
        {
            return match kind_of(name).deed {
                Some(Deed::Suspend) => change(&jobs, name, json!({"suspend": chance.one_in(2)})),
                Some(Deed::Scale) => {
                    change(&jobs, name, json!({"parallelism": 1 + chance.below(4)}))
                }
                _ => return self.delete(&jobs, name).await,
            }
            .await;
        }
        if open.len() < OPEN_MAX {
            let kind = self.kinds[self.made % self.kinds.len()];
            self.made += 1;
            let job = kind.job(self.made, self.shared);
            let made = jobs.create(&PostParams::default(), &job).await?;
            self.journal.note(|journal| journal.job_is(&made));
        }
        Ok(())
    }

    async fn make_cron_job(&mut self, client: &Client) -> kube::Result<()> {
        let cron_jobs = Api::<CronJob>::default_namespaced(client.clone());
        match cron_jobs.create(&PostParams::default(), &cron_job(self.shared)).await {
            // The answer to the first try was cut off.
            Err(kube::Error::Api(status)) if status.code == 409 => {}
            result => drop(result?),
        }
        self.has_cron_job = true;
        Ok(())
    }

    async fn delete(&self, jobs: &Api<Job>, name: &str) -> kube::Result<()> {
        self.journal.note(|journal| journal.deleting(name));
        jobs.delete(name, &DeleteParams::background()).await?;
        self.journal.note(|journal| journal.deleted(name));
        Ok(())
    }

    /// Lets everything go on to its end: nothing stays suspended, and nothing new comes.
    pub(super) async fn leave(&self, client: &Client) {
        let cron_jobs = Api::<CronJob>::default_namespaced(client.clone());
        if self.has_cron_job {
            let suspend = Patch::Merge(json!({"spec": {"suspend": true}}));
            let suspended = cron_jobs.patch(CRON, &PatchParams::default(), &suspend).await;
            suspended.expect("the CronJob must be there");
        }
        let jobs = Api::<Job>::default_namespaced(client.clone());
        for job in jobs.list(&<_>::default()).await.expect("the server must answer") {
            let name = job.metadata.name.unwrap_or_default();
            if job.spec.and_then(|spec| spec.suspend) == Some(true) {
                let resumed = change(&jobs, &name, json!({"suspend": false})).await;
                resumed.expect("the Job must be there");
            }
        }
    }
}

async fn change(jobs: &Api<Job>, name: &str, spec: Value) -> kube::Result<()> {
    let change = Patch::Merge(json!({"spec": spec}));
    jobs.patch(name, &PatchParams::default(), &change).await.map(drop)
}
