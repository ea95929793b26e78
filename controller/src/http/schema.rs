//! What the objects of each kind are made of: which fields there are, and how they are merged.
//!
//! Made once from the wire types and from the facts in [`crate::api::lists`]; patches and field
//! ownership walk it beside an object's JSON.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, SchemaGenerator};
use serde_json::{Map, Value};

use crate::api::lists::{self, ListType, PatchStrategy};
use crate::api::{
    CertificateSigningRequest, ConfigMap, CronJob, Event, Job, Kind, Lease, LimitRange, Namespace,
    Node, Pod, PriorityClass, ResourceQuota, Secret, ServiceAccount,
};

/// What a value is made of.
#[derive(Debug)]
pub(super) enum Type {
    /// Something that is not taken apart.
    Scalar(Scalar),
    /// A map whose keys are the user's.
    Map { value: Arc<Self>, is_atomic: bool },
    /// A map whose keys are fields.
    Structure(Structure),
    /// Values in order.
    List { item: Arc<Self>, list_type: ListType, strategy: PatchStrategy },
}

/// Of what sort a single value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scalar {
    Text,
    Int32,
    Int64,
    Number,
    Boolean,
    /// A number or text: quantities, ports.
    Any,
}

/// A map whose keys are fields.
#[derive(Debug)]
pub(super) struct Structure {
    /// Without its group: `PodSpec`.
    pub(super) name: String,
    pub(super) fields: BTreeMap<String, Arc<Type>>,
    pub(super) is_atomic: bool,
}

impl Type {
    /// What objects of `kind` are.
    pub(super) fn of(kind: Kind) -> &'static Self {
        static ALL: LazyLock<BTreeMap<Kind, Arc<Type>>> = LazyLock::new(all);
        ALL.get(&kind).expect("every kind must have a schema")
    }

    /// What the value of `key` is, if this is a map or a structure that has it.
    pub(super) fn field(&self, key: &str) -> Option<&Arc<Self>> {
        match self {
            Self::Structure(structure) => structure.fields.get(key),
            Self::Map { value, .. } => Some(value),
            Self::Scalar(_) | Self::List { .. } => None,
        }
    }

    /// Whether `key` is a field of its own, rather than a key that the user chose.
    pub(super) fn declares(&self, key: &str) -> bool {
        matches!(self, Self::Structure(structure) if structure.fields.contains_key(key))
    }

    /// Whether a value has one owner as a whole.
    pub(super) fn is_owned_as_one(&self) -> bool {
        match self {
            Self::Scalar(_) => true,
            Self::Map { is_atomic, .. } => *is_atomic,
            Self::Structure(structure) => structure.is_atomic,
            Self::List { list_type, .. } => *list_type == ListType::Atomic,
        }
    }
}

fn all() -> BTreeMap<Kind, Arc<Type>> {
    let mut generator = SchemaSettings::draft07().into_generator();
    let roots: Vec<_> = Kind::ALL.iter().map(|kind| (*kind, root(*kind, &mut generator))).collect();
    let mut types = Types { definitions: generator.definitions(), known: BTreeMap::new() };
    roots.into_iter().map(|(kind, schema)| (kind, types.at("", "", &schema))).collect()
}

fn root(kind: Kind, generator: &mut SchemaGenerator) -> Value {
    fn of<T: JsonSchema>(generator: &mut SchemaGenerator) -> Value {
        generator.subschema_for::<T>().to_value()
    }
    match kind {
        Kind::Job => of::<Job>(generator),
        Kind::CronJob => of::<CronJob>(generator),
        Kind::Pod => of::<Pod>(generator),
        Kind::ConfigMap => of::<ConfigMap>(generator),
        Kind::Secret => of::<Secret>(generator),
        Kind::Event => of::<Event>(generator),
        Kind::Node => of::<Node>(generator),
        Kind::Namespace => of::<Namespace>(generator),
        Kind::ServiceAccount => of::<ServiceAccount>(generator),
        Kind::Lease => of::<Lease>(generator),
        Kind::ResourceQuota => of::<ResourceQuota>(generator),
        Kind::LimitRange => of::<LimitRange>(generator),
        Kind::CertificateSigningRequest => of::<CertificateSigningRequest>(generator),
        Kind::PriorityClass => of::<PriorityClass>(generator),
    }
}

/// The types that schemas define.
struct Types<'a> {
    definitions: &'a Map<String, Value>,
    known: BTreeMap<String, Arc<Type>>,
}

impl Types<'_> {
    /// What `schema` says of the field `field` of the structure `of`.
    fn at(&mut self, of: &str, field: &str, schema: &Value) -> Arc<Type> {
        if let Some(reference) = schema["$ref"].as_str() {
            let name = reference.rsplit('/').next().unwrap_or_default();
            return self.named(name);
        }
        if let Some(items) = schema.get("items") {
            let facts = lists::list_facts(of, field);
            let item = self.at("", "", items);
            let (list_type, strategy) = (facts.list_type, facts.strategy);
            return Arc::new(Type::List { item, list_type, strategy });
        }
        if let Some(values) = schema.get("additionalProperties") {
            let value = self.at("", "", values);
            return Arc::new(Type::Map { value, is_atomic: lists::is_atomic_map(of, field) });
        }
        let any = || Arc::new(Type::Scalar(Scalar::Any));
        Arc::new(match schema["type"].as_str() {
            Some("string") => Type::Scalar(Scalar::Text),
            Some("integer") if schema["format"] == "int32" => Type::Scalar(Scalar::Int32),
            Some("integer") => Type::Scalar(Scalar::Int64),
            Some("number") => Type::Scalar(Scalar::Number),
            Some("boolean") => Type::Scalar(Scalar::Boolean),
            // Of what is in it, nothing is known: the fields of a `managedFields` entry.
            Some("object") => Type::Map { value: any(), is_atomic: true },
            _ => return any(),
        })
    }

    /// The type that has this name, with its group.
    fn named(&mut self, name: &str) -> Arc<Type> {
        if let Some(known) = self.known.get(name) {
            return Arc::clone(known);
        }
        let definition = self.definitions.get(name).expect("what is referred to must be defined");
        let short = name.rsplit('.').next().unwrap_or_default();
        let found = match definition["properties"].as_object() {
            None => self.at("", "", definition),
            Some(properties) => {
                let fields = properties.iter();
                let fields = fields
                    .map(|(field, schema)| (field.clone(), self.at(short, field, schema)))
                    .collect();
                let is_atomic = lists::is_atomic_structure(short);
                Arc::new(Type::Structure(Structure { name: short.to_owned(), fields, is_atomic }))
            }
        };
        self.known.insert(name.to_owned(), Arc::clone(&found));
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What stands at `path`, a `*` for the items of a list.
    fn at(kind: Kind, path: &str) -> String {
        let mut found = Type::of(kind);
        for part in path.split('.') {
            found = match (found, part) {
                (Type::List { item, .. }, "*") => item,
                (other, field) => other.field(field).expect("must have the field"),
            };
        }
        match found {
            Type::Scalar(scalar) => format!("{scalar:?}"),
            Type::Map { is_atomic, .. } => format!("map, atomic: {is_atomic}"),
            Type::Structure(it) => format!("{}, atomic: {}", it.name, it.is_atomic),
            Type::List { list_type, strategy, .. } => format!("{list_type:?} {strategy:?}"),
        }
    }

    #[test]
    fn fields_are_what_the_wire_types_and_the_facts_say() {
        let check = |path: &str, expect: &str| {
            assert_eq!(at(Kind::CronJob, path), expect, "{path}");
        };
        let pod = "spec.jobTemplate.spec.template.spec";
        check("spec.schedule", "Text");
        check("spec.suspend", "Boolean");
        check("spec.startingDeadlineSeconds", "Int64");
        check("metadata.labels", "map, atomic: false");
        check("metadata.finalizers", "Set MergeValues");
        check("metadata.creationTimestamp", "Text");
        check("status.active", "Atomic Replace");
        check("status.active.*", "ObjectReference, atomic: true");
        check("spec.jobTemplate.spec.selector", "LabelSelector, atomic: true");
        check(&format!("{pod}.nodeSelector"), "map, atomic: true");
        check(&format!("{pod}.containers.*.resources.limits"), "map, atomic: false");
        check(
            &format!("{pod}.containers.*.ports"),
            r#"Map(["containerPort", "protocol"]) MergeBy("containerPort")"#,
        );
        check(&format!("{pod}.containers.*.livenessProbe.httpGet.port"), "Any");
        check(&format!("{pod}.volumes"), r#"Map(["name"]) MergeByRetaining("name")"#);
    }

    #[test]
    fn every_list_with_facts_is_there() {
        fn walk(found: &Type, seen: &mut Vec<String>) {
            match found {
                Type::Scalar(_) => {}
                Type::Map { value, .. } => walk(value, seen),
                Type::List { item, .. } => walk(item, seen),
                Type::Structure(structure) => {
                    if seen.contains(&structure.name) {
                        return;
                    }
                    seen.push(structure.name.clone());
                    structure.fields.values().for_each(|field| walk(field, seen));
                }
            }
        }
        let mut seen = Vec::new();
        Kind::ALL.iter().for_each(|kind| walk(Type::of(*kind), &mut seen));
        let is_unseen = |name: &&str| !seen.iter().any(|it| it == name);
        let unseen: Vec<_> = lists::structures_named().filter(is_unseen).collect();
        assert!(unseen.is_empty(), "no kind has {unseen:?}");
    }
}
