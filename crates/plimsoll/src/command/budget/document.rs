use std::path::Path;

use plimsoll_slim::budget::Budget;
use serde::Deserialize;

use crate::advisories::read_bounded;
use crate::failure::Failure;
use crate::yaml;

/// Largest file that is read.
const FILE_BYTES_MAX: u64 = 1 << 20;

const EXAMPLE: &str =
    "budget: {against: registry/app:released, growthPercentMax: 5, max: {setuid: 0, shells: 0}}";

/// The file; its other sections are for others.
#[derive(Deserialize)]
struct File {
    budget: Option<Budget>,
}

/// Reads the section `budget` of a file, if there are both.
pub(super) fn read_if_any(path: &Path) -> Result<Option<Budget>, Failure> {
    if !path.is_file() {
        return Ok(None);
    }
    Ok(read_file(path)?.budget)
}

/// Reads the section `budget` of a file.
pub(super) fn read(path: &Path) -> Result<Budget, Failure> {
    let none = || Failure::usage("there is no `budget` section").at(path.display().to_string()).help(EXAMPLE);
    read_file(path)?.budget.ok_or_else(none)
}

fn read_file(path: &Path) -> Result<File, Failure> {
    let place = path.display().to_string();
    let bytes = read_bounded(path, FILE_BYTES_MAX)
        .map_err(|error| Failure::usage("cannot read the budget").at(&place).because(&error).help(EXAMPLE))?;
    yaml::read(&String::from_utf8_lossy(&bytes)).map_err(|error| {
        Failure::usage("the budget is not understood").at(&place).because(&error).help(EXAMPLE)
    })
}
