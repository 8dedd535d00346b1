//! `polywire export`.

use std::fs;
use std::path::{Component, Path};

use polywire::reflection::{ExportForm, Exported, ReflectionClient};
use polywire::{Code, Status};

use crate::args::ExportArgs;
use crate::failure::Failure;
use crate::{output, target};

/// Prints what a polywire server says of its services to programs in other languages.
pub(crate) async fn run(args: &ExportArgs, registry: Option<&str>) -> Result<(), Failure> {
    let form = match args.form {
        form if form.openapi => ExportForm::OpenApi,
        form if form.jsonschema => ExportForm::JsonSchema,
        _ => ExportForm::Proto,
    };
    let channel = target::channel(&args.target, registry, &args.connect.tls).await?;
    let client = ReflectionClient::new(channel);
    let service = args.service.clone().unwrap_or_default();
    let call = client.export(form, service).timeout(args.connect.patience());
    let headers = args.connect.headers.iter();
    let call = headers.fold(call, |call, (k, v)| call.metadata(k.as_str(), v.as_str()));
    let files = call.await.map_err(|status| explain(status, &args.target))?;
    match &args.out {
        None => print(&files),
        Some(folder) => files.iter().try_for_each(|file| write(folder, file))?,
    }
    Ok(())
}

/// Other servers have no such method; that of a polywire server says what it misses.
fn explain(status: Status, target: &str) -> Status {
    let is_foreign = matches!(status.code(), Code::Unimplemented | Code::Unknown);
    if !is_foreign {
        return status;
    }
    let text = format!("{target} does not describe itself: it is no polywire server");
    Status::new(Code::Unimplemented, text)
}

/// Several files in one go are told apart by their names.
fn print(files: &[Exported]) {
    for file in files {
        if files.len() > 1 {
            output::line(&format!("// {}", output::plain(&file.name)));
        }
        output::line(file.text.trim_end());
    }
}

fn write(folder: &Path, file: &Exported) -> Result<(), Failure> {
    let name = Path::new(&file.name);
    // It is a peer that chooses the name.
    if !name.components().all(|part| matches!(part, Component::Normal(_))) {
        return Err(Failure::Environment(format!("`{}` is no name of a file", file.name)));
    }
    let path = folder.join(name);
    let written = path.parent().map_or(Ok(()), fs::create_dir_all);
    written.and_then(|()| fs::write(&path, &file.text)).map_err(|error| {
        Failure::Environment(format!("cannot write {}: {error}", path.display()))
    })?;
    output::message(&format!("wrote {}", path.display()));
    Ok(())
}
