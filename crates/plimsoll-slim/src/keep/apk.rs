//! Alpine's database: one file with a paragraph for each package, its directories and files among the fields
//! (apk-tools, `APKINDEX`).

use super::KeepList;
use super::database::{field, paragraphs};
use crate::closure::Contents;

impl KeepList<'_> {
    pub(super) fn write_apk(&mut self, contents: &mut dyn Contents) {
        for path in ["/lib/apk/db/installed", "/usr/lib/apk/db/installed"] {
            if let Some((id, text)) = self.database(contents, path) {
                let installed: String = paragraphs(&text)
                    .filter(|paragraph| {
                        field(paragraph, "P").is_some_and(|name| self.packages.contains(name))
                    })
                    .map(|paragraph| self.kept_files_of(paragraph))
                    .collect();
                self.write(id, installed.into_bytes());
                return;
            }
        }
    }

    /// A paragraph without the files that go: `F` names a directory, `R` a file in it, and `a` and `Z` tell of that.
    fn kept_files_of(&self, paragraph: &str) -> String {
        let mut text = String::new();
        let mut directory = "";
        let mut is_there = true;
        for line in paragraph.lines() {
            match line.split_once(':') {
                Some(("F", path)) => (directory, is_there) = (path, true),
                Some(("R", name)) => {
                    let path = format!("/{directory}/{name}");
                    let found = self.system.resolve_unfollowed(path.as_bytes()).end;
                    is_there = found.is_some_and(|id| self.is_kept(id));
                }
                _ => {}
            }
            if is_there {
                text.push_str(line);
                text.push('\n');
            }
        }
        text.push('\n');
        text
    }
}
