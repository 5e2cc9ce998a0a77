use plimsoll_sbom::{Component, PackageType};

use crate::feed::{Naming, program};

/// Writes the name and the version that a feed is asked for; `false` where it knows the component by none. They go to
/// buffers that are used again, because it is done for every component.
pub(super) fn write(component: &Component, naming: Naming, name: &mut String, version: &mut String) -> bool {
    name.clear();
    version.clear();
    match component.package_type {
        PackageType::Generic => match program(&component.name) {
            Some(known) => name.push_str(known),
            None => return false,
        },
        system if system.is_system() => {
            write_system(component, naming, name, version);
            return true;
        }
        _ => write_full_name(component, name),
    }
    version.push_str(&component.version);
    true
}

fn write_system(component: &Component, naming: Naming, name: &mut String, version: &mut String) {
    write_with_epoch(component, naming, name, version);
    if naming == Naming::SourceWithoutEpoch
        && let Some(colon) = version.find(':')
    {
        version.drain(..=colon);
    }
}

fn write_with_epoch(component: &Component, naming: Naming, name: &mut String, version: &mut String) {
    let is_by_source = matches!(naming, Naming::Source | Naming::SourceWithoutEpoch);
    let source = component.source.as_ref().filter(|source| is_by_source && !source.name.is_empty());
    let Some(source) = source else {
        name.push_str(&component.name);
        version.push_str(&component.version);
        return;
    };
    name.push_str(&source.name);
    if source.version.is_empty() {
        version.push_str(&component.version);
        return;
    }
    // The name of a source rpm leaves the epoch out; its packages have it.
    let lost_epoch =
        component.version.split_once(':').filter(|_| is_rpm(component) && !source.version.contains(':'));
    if let Some((epoch, _)) = lost_epoch {
        version.push_str(epoch);
        version.push(':');
    }
    version.push_str(&source.version);
}

fn is_rpm(component: &Component) -> bool {
    component.package_type == PackageType::Rpm
}

/// [`Component::full_name`], without an allocation.
fn write_full_name(component: &Component, name: &mut String) {
    if let Some(namespace) = &component.namespace {
        name.push_str(namespace);
        name.push(if component.package_type == PackageType::Maven { ':' } else { '/' });
    }
    name.push_str(&component.name);
}
