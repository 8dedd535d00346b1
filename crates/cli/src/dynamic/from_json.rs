//! JSON to gob: first the type that the value needs, then the value.

use polywire::core::{Encoding, Payload};
use polywire::gob::{OpaqueKind, Shape as GobShape, Timestamp, Value, encode_value};
use polywire::reflection::{FieldInfo, Shape};
use polywire::schema::go_name;
use serde_json::Value as Json;

use super::hints::Hint;
use super::{Hints, Known, bytes, is_field};

/// Encodes an argument as gob.
pub(crate) fn to_payload(
    json: &Json,
    known: Option<Known<'_>>,
    hints: &Hints,
) -> Result<Payload, String> {
    let plan = plan(&[json], known, hints, "")?.unwrap_or_else(|| Plan::Struct("", Vec::new()));
    let value = plan.value(json, "")?;
    let (bytes, definitions) = encode_value(&value).map_err(|error| error.to_string())?;
    Ok(Payload::new(Encoding::Gob, bytes).with_context(definitions))
}

/// How JSON at one place becomes gob. Only fields that some sample has are part of it, so that
/// recursive types end where their values do.
enum Plan<'d> {
    Bool,
    Int,
    Uint,
    Float,
    String,
    Bytes,
    Time,
    List(Box<Self>),
    Array(Box<Self>, u64),
    Map(Box<Self>, Box<Self>),
    Struct(&'d str, Vec<Member<'d>>),
    /// An enum whose variants carry data.
    Choice(&'d str, Vec<Member<'d>>),
}

/// A field: its name in gob, and the names it may have in JSON.
struct Member<'d> {
    go: String,
    names: Vec<&'d str>,
    plan: Plan<'d>,
}

/// Works out the plan that all samples fit; `None` if none of them says anything.
fn plan<'d>(
    samples: &[&'d Json],
    known: Option<Known<'d>>,
    hints: &Hints,
    path: &str,
) -> Result<Option<Plan<'d>>, String> {
    let samples: Vec<&Json> = samples.iter().copied().filter(|json| !json.is_null()).collect();
    match known {
        Some(known) => known_plan(&samples, known, hints, path),
        None => guess(&samples, hints, path),
    }
}

fn known_plan<'d>(
    samples: &[&'d Json],
    known: Known<'d>,
    hints: &Hints,
    path: &str,
) -> Result<Option<Plan<'d>>, String> {
    let item = |at, samples: &[&'d Json], step: &str| match known.item(at) {
        Some(item) => plan(samples, Some(item), hints, &format!("{path}{step}")),
        None => Ok(None),
    };
    let elements =
        || samples.iter().filter_map(|json| json.as_array()).flatten().collect::<Vec<_>>();
    Ok(Some(match known.ty.shape {
        Shape::Bool => Plan::Bool,
        Shape::Int | Shape::Duration => Plan::Int,
        Shape::Uint => Plan::Uint,
        Shape::Float => Plan::Float,
        Shape::Char | Shape::String => Plan::String,
        Shape::Bytes => Plan::Bytes,
        Shape::Time => Plan::Time,
        Shape::Option => return item(0, samples, ""),
        Shape::List if known.item(0).is_some_and(|item| item.is_byte()) => Plan::Bytes,
        Shape::List => match item(0, &elements(), "[]")? {
            Some(plan) => Plan::List(Box::new(plan)),
            None => return Ok(None),
        },
        Shape::Array => match item(0, &elements(), "[]")? {
            Some(plan) => Plan::Array(Box::new(plan), known.ty.len),
            None => return Ok(None),
        },
        Shape::Map => {
            let values: Vec<_> = samples
                .iter()
                .filter_map(|json| json.as_object())
                .flat_map(|map| map.values())
                .collect();
            match (item(0, &[], "")?, item(1, &values, "{}")?) {
                (Some(key), Some(value)) => Plan::Map(Box::new(key), Box::new(value)),
                _ => return Ok(None),
            }
        }
        Shape::Tuple => tuple(samples, known, &known.ty.items, hints, path)?,
        Shape::Struct => {
            let members = members(samples, known, &known.ty.fields, hints, path)?;
            Plan::Struct(&known.ty.name, members)
        }
        Shape::Enum if known.is_name() => Plan::String,
        Shape::Enum => Plan::Choice(&known.ty.name, variants(samples, known, hints, path)?),
        _ => Plan::Struct("", Vec::new()),
    }))
}

fn members<'d>(
    samples: &[&'d Json],
    known: Known<'d>,
    fields: &'d [FieldInfo],
    hints: &Hints,
    path: &str,
) -> Result<Vec<Member<'d>>, String> {
    for key in samples.iter().filter_map(|json| json.as_object()).flat_map(|map| map.keys()) {
        if !fields.iter().any(|field| is_field(field, key)) {
            let names = fields.iter().map(|field| field.name.as_str());
            return Err(crate::suggest::unknown("field", &join(path, key), key, names));
        }
    }
    let mut members = Vec::new();
    for (position, field) in fields.iter().enumerate() {
        let values: Vec<&Json> =
            samples.iter().filter_map(|json| member(json, field, position)).collect();
        let Some(ty) = known.at(field.ty).filter(|_| !values.is_empty()) else { continue };
        if let Some(plan) = plan(&values, Some(ty), hints, &join(path, &field.name))? {
            let names = vec![field.name.as_str(), field.go.as_str()];
            members.push(Member { go: field.go.clone(), names, plan });
        }
    }
    Ok(members)
}

/// A field's value, by name or, in an array, by position.
fn member<'d>(json: &'d Json, field: &FieldInfo, position: usize) -> Option<&'d Json> {
    match json {
        Json::Array(items) => items.get(position),
        Json::Object(map) => {
            map.iter().find(|(key, _)| is_field(field, key)).map(|(_, value)| value)
        }
        _ => None,
    }
}

fn tuple<'d>(
    samples: &[&'d Json],
    known: Known<'d>,
    items: &[u32],
    hints: &Hints,
    path: &str,
) -> Result<Plan<'d>, String> {
    let mut members = Vec::new();
    for (at, item) in items.iter().enumerate() {
        let go = format!("F{at}");
        let values: Vec<&Json> =
            samples.iter().filter_map(|json| json.get(at).or_else(|| json.get(&go))).collect();
        let Some(ty) = known.at(*item).filter(|_| !values.is_empty()) else { continue };
        if let Some(plan) = plan(&values, Some(ty), hints, &join(path, &go))? {
            members.push(Member { go, names: Vec::new(), plan });
        }
    }
    Ok(Plan::Struct("", members))
}

fn variants<'d>(
    samples: &[&'d Json],
    known: Known<'d>,
    hints: &Hints,
    path: &str,
) -> Result<Vec<Member<'d>>, String> {
    let mut found = Vec::new();
    for variant in &known.ty.variants {
        let is = |name: &str| name == variant.name || name == variant.go;
        let values: Vec<&Json> = samples
            .iter()
            .filter_map(|json| match json {
                Json::String(name) => is(name).then_some(*json),
                Json::Object(map) => map.iter().find(|(key, _)| is(key)).map(|(_, value)| value),
                _ => None,
            })
            .collect();
        if values.is_empty() {
            continue;
        }
        let path = join(path, &variant.name);
        let plan = match variant.shape {
            Shape::Unit => Some(Plan::Bool),
            Shape::Option => match variant.items.first().and_then(|item| known.at(*item)) {
                Some(item) => plan(&values, Some(item), hints, &path)?,
                None => None,
            },
            Shape::Tuple => Some(tuple(&values, known, &variant.items, hints, &path)?),
            _ => {
                let members = members(&values, known, &variant.fields, hints, &path)?;
                Some(Plan::Struct("", members))
            }
        };
        if let Some(plan) = plan {
            let names = vec![variant.name.as_str(), variant.go.as_str()];
            found.push(Member { go: variant.go.clone(), names, plan });
        }
    }
    Ok(found)
}

/// Works out a plan from JSON alone.
fn guess<'d>(samples: &[&'d Json], hints: &Hints, path: &str) -> Result<Option<Plan<'d>>, String> {
    match hints.at(path) {
        Some(Hint::Uint) => return Ok(Some(Plan::Uint)),
        Some(Hint::Float) => return Ok(Some(Plan::Float)),
        Some(Hint::Bytes) => return Ok(Some(Plan::Bytes)),
        Some(Hint::Time) => return Ok(Some(Plan::Time)),
        Some(Hint::Map) | None => {}
    }
    let Some(first) = samples.first() else { return Ok(None) };
    Ok(Some(match first {
        Json::Null => return Ok(None),
        Json::Bool(_) => Plan::Bool,
        Json::String(_) => Plan::String,
        Json::Number(_) if samples.iter().any(|json| json.is_f64()) => Plan::Float,
        Json::Number(number) if number.as_i64().is_none() => Plan::Uint,
        Json::Number(_) => Plan::Int,
        Json::Array(_) => {
            let items: Vec<_> =
                samples.iter().filter_map(|json| json.as_array()).flatten().collect();
            match plan(&items, None, hints, &format!("{path}[]"))? {
                Some(item) => Plan::List(Box::new(item)),
                None => return Ok(None),
            }
        }
        Json::Object(_) if hints.at(path) == Some(Hint::Map) => {
            let values: Vec<_> = samples
                .iter()
                .filter_map(|json| json.as_object())
                .flat_map(|map| map.values())
                .collect();
            match plan(&values, None, hints, &format!("{path}{{}}"))? {
                Some(value) => Plan::Map(Box::new(Plan::String), Box::new(value)),
                None => return Ok(None),
            }
        }
        Json::Object(_) => Plan::Struct("", guess_members(samples, hints, path)?),
    }))
}

fn guess_members<'d>(
    samples: &[&'d Json],
    hints: &Hints,
    path: &str,
) -> Result<Vec<Member<'d>>, String> {
    let mut members: Vec<Member<'d>> = Vec::new();
    for (key, _) in samples.iter().filter_map(|json| json.as_object()).flatten() {
        if members.iter().any(|member| member.names.contains(&key.as_str())) {
            continue;
        }
        let values: Vec<_> = samples.iter().filter_map(|json| json.get(key)).collect();
        if let Some(plan) = plan(&values, None, hints, &join(path, key))? {
            // Somebody who writes an exported name means it as it stands.
            let exported = key.starts_with(|c: char| c.is_ascii_uppercase());
            let go = if exported { key.clone() } else { go_name(key) };
            members.push(Member { go, names: vec![key], plan });
        }
    }
    Ok(members)
}

impl Plan<'_> {
    fn shape(&self) -> GobShape {
        match self {
            Self::Bool => GobShape::bool(),
            Self::Int => GobShape::int(),
            Self::Uint => GobShape::uint(),
            Self::Float => GobShape::float(),
            Self::String => GobShape::string(),
            Self::Bytes => GobShape::bytes(),
            Self::Time => GobShape::opaque(OpaqueKind::Gob, "Time"),
            Self::List(item) => GobShape::slice(&item.shape()),
            Self::Array(item, len) => GobShape::array(&item.shape(), *len),
            Self::Map(key, value) => GobShape::map(&key.shape(), &value.shape()),
            Self::Struct(name, members) | Self::Choice(name, members) => {
                let fields: Vec<_> = members
                    .iter()
                    .map(|member| (member.go.as_str(), member.plan.shape()))
                    .collect();
                GobShape::record(name, &fields)
            }
        }
    }

    fn value(&self, json: &Json, path: &str) -> Result<Value, String> {
        let wrong = |expected: &str| Err(mismatch(path, expected, json));
        match self {
            Self::Bool => {
                json.as_bool().map_or_else(|| wrong("true or false"), |b| Ok(Value::Bool(b)))
            }
            Self::Int => match json.as_i64() {
                Some(number) => Ok(Value::Int(number)),
                None => wrong("an integer"),
            },
            Self::Uint => match json.as_u64() {
                Some(number) => Ok(Value::Uint(number)),
                None => wrong("an unsigned integer"),
            },
            Self::Float => match json.as_f64() {
                Some(number) => Ok(Value::Float(number)),
                None => wrong("a number"),
            },
            Self::String => match json.as_str() {
                Some(text) => Ok(Value::from(text)),
                None => wrong("a string"),
            },
            Self::Bytes => match bytes(json) {
                Some(bytes) => Ok(Value::Bytes(bytes.into())),
                None => wrong("base64 text or an array of bytes"),
            },
            Self::Time => match json.as_str().and_then(Timestamp::parse) {
                Some(time) => Ok(Value::opaque(&self.shape(), time.to_bytes())),
                None => wrong("a time such as \"2024-02-29T12:34:56Z\""),
            },
            Self::List(item) | Self::Array(item, _) => {
                let Some(items) = json.as_array() else { return wrong("an array") };
                self.list(item, items, json, path)
            }
            Self::Map(key, value) => {
                let Some(map) = json.as_object() else { return wrong("an object") };
                let entries = map.iter().map(|(name, entry)| {
                    Ok((key.key(name, path)?, value.value(entry, &join(path, name))?))
                });
                Ok(Value::map_of(&self.shape(), entries.collect::<Result<_, String>>()?))
            }
            Self::Struct(_, members) => self.record(members, json, path),
            Self::Choice(_, members) => self.choice(members, json, path),
        }
    }

    fn list(&self, item: &Self, items: &[Json], json: &Json, path: &str) -> Result<Value, String> {
        if let Self::Array(_, len) = self
            && items.len() as u64 != *len
        {
            return Err(mismatch(path, &format!("{len} elements"), json));
        }
        let path = format!("{path}[]");
        let items = items.iter().map(|json| item.value(json, &path)).collect::<Result<_, _>>()?;
        Ok(Value::list_of(&self.shape(), items))
    }

    fn record(&self, members: &[Member<'_>], json: &Json, path: &str) -> Result<Value, String> {
        if !json.is_object() && !json.is_array() && !json.is_null() {
            return Err(mismatch(path, "an object", json));
        }
        let mut fields = Vec::new();
        for (position, member) in members.iter().enumerate() {
            let value = match json {
                Json::Array(items) => items.get(position),
                _ => {
                    let mut names = member.names.iter().copied().chain([member.go.as_str()]);
                    names.find_map(|name| json.get(name))
                }
            };
            if let Some(value) = value.filter(|value| !value.is_null()) {
                fields
                    .push((member.go.as_str(), member.plan.value(value, &join(path, &member.go))?));
            }
        }
        Value::record_of(&self.shape(), fields).ok_or_else(|| mismatch(path, "an object", json))
    }

    fn choice(&self, members: &[Member<'_>], json: &Json, path: &str) -> Result<Value, String> {
        let chosen = match json {
            Json::String(name) => Some((name.as_str(), &Json::Bool(true))),
            Json::Object(map) if map.len() == 1 => {
                map.iter().next().map(|(name, value)| (name.as_str(), value))
            }
            _ => None,
        };
        let member = chosen.and_then(|(name, value)| {
            members.iter().find(|member| member.names.contains(&name)).map(|found| (found, value))
        });
        let Some((member, value)) = member else {
            return Err(mismatch(path, "one variant of the enum", json));
        };
        let value = if matches!(member.plan, Plan::Bool) { &Json::Bool(true) } else { value };
        let value = member.plan.value(value, &join(path, &member.go))?;
        Value::record_of(&self.shape(), vec![(member.go.as_str(), value)])
            .ok_or_else(|| mismatch(path, "one variant of the enum", json))
    }

    /// A map's key, which JSON writes as text whatever it is.
    fn key(&self, text: &str, path: &str) -> Result<Value, String> {
        let json = match self {
            Self::String => Json::from(text),
            _ => serde_json::from_str(text).unwrap_or_else(|_| Json::from(text)),
        };
        self.value(&json, path)
    }
}

fn join(path: &str, step: &str) -> String {
    if path.is_empty() { step.to_owned() } else { format!("{path}.{step}") }
}

fn mismatch(path: &str, expected: &str, found: &Json) -> String {
    let place = if path.is_empty() { "the argument" } else { path };
    let text: String = found.to_string().chars().take(60).collect();
    format!("{place}: expected {expected}, found {text}")
}
