use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use clap::Args;
use clap_mangen::Man as ManualPage;

use crate::arguments::command_line;
use crate::context::Context;
use crate::failure::Failure;

/// Write the manual pages
///
/// Without a directory the page of `plimsoll` itself is printed: `plimsoll man | man -l -`
#[derive(Debug, Args)]
pub(crate) struct Man {
    /// Where to write one page for each command
    directory: Option<PathBuf>,
}

impl Man {
    pub(crate) fn run(&self, context: &mut Context) -> Result<(), Failure> {
        let mut grammar = command_line();
        grammar.build();
        match &self.directory {
            Some(directory) => {
                let count = write_pages(&grammar, "plimsoll", directory)?;
                context.terminal().note(&format!("{count} pages written to {}", directory.display()));
                Ok(())
            }
            None => {
                let page = render(&grammar)
                    .map_err(|error| Failure::not_evaluated("cannot write the page").because(&error))?;
                context.terminal().print_raw(&page)
            }
        }
    }
}

/// Writes the page of a command and those below it, and tells how many they are.
fn write_pages(command: &clap::Command, name: &str, directory: &Path) -> Result<usize, Failure> {
    let file = directory.join(format!("{name}.1"));
    let cannot_write = |error: io::Error| {
        Failure::not_evaluated("cannot write a manual page")
            .at(file.display().to_string())
            .because(&error)
            .help(format!("mkdir -p {}", directory.display()))
    };
    let page = render(command).map_err(&cannot_write)?;
    fs::write(&file, page).map_err(&cannot_write)?;
    let mut count = 1;
    for below in command.get_subcommands().filter(|below| !below.is_hide_set()) {
        count += write_pages(below, &format!("{name}-{}", below.get_name()), directory)?;
    }
    Ok(count)
}

fn render(command: &clap::Command) -> io::Result<Vec<u8>> {
    let mut page = Vec::new();
    ManualPage::new(command.clone()).render(&mut page)?;
    Ok(page)
}
