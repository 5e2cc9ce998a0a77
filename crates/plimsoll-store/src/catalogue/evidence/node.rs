use std::fmt;
use std::str::FromStr;

use plimsoll_oci::Digest;

/// Something that evidence speaks of, as it stands in the graph: `commit c0ffee git+https://example.org/app`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Node {
    /// An image or an index.
    Image(Digest),
    /// A run of a builder.
    BuildRun {
        /// Which of the builder's runs. The builder says so, and may say nothing.
        invocation: String,
        /// The builder.
        builder: String,
    },
    /// A commit of a repository of sources.
    Commit {
        /// The commit.
        commit: String,
        /// The address of the repository.
        repository: String,
    },
    /// The file that an image was built by, in a repository of sources.
    Dockerfile {
        /// Its path there.
        path: String,
        /// The address of the repository.
        repository: String,
    },
    /// An entry in somebody's tracker.
    Ticket(String),
}

/// How two nodes hang together: the source, this, the target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EdgeKind {
    /// An index lists an image.
    Lists,
    /// An image was made by a run.
    BuiltBy,
    /// A run began with a commit.
    BuiltFrom,
    /// A run followed a Dockerfile.
    Followed,
    /// An image was built on another.
    BasedOn,
    /// An approval names a ticket.
    DiscussedIn,
}

/// An edge between two nodes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Edge {
    /// Where it begins.
    pub source: Node,
    /// What it says.
    pub kind: EdgeKind,
    /// Where it ends.
    pub target: Node,
}

/// Text that is none of the graph's words.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it is no word of the evidence graph")]
pub struct ParseNodeError;

impl fmt::Display for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Image(digest) => write!(f, "image {digest}"),
            Self::BuildRun { invocation, builder } => write!(f, "run {} {builder}", bare(invocation)),
            Self::Commit { commit, repository } => write!(f, "commit {} {repository}", bare(commit)),
            Self::Dockerfile { path, repository } => write!(f, "dockerfile {} {repository}", bare(path)),
            Self::Ticket(uri) => write!(f, "ticket {uri}"),
        }
    }
}

/// The first of two parts, which a space ends. A space in it is written as `%20`, so that it can be told from the end.
fn bare(part: &str) -> String {
    part.replace('%', "%25").replace(' ', "%20")
}

fn whole(part: &str) -> String {
    part.replace("%20", " ").replace("%25", "%")
}

impl FromStr for Node {
    type Err = ParseNodeError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (kind, rest) = text.split_once(' ').ok_or(ParseNodeError)?;
        let pair = || rest.split_once(' ').map(|(first, second)| (whole(first), second.to_owned()));
        match kind {
            "image" => rest.parse().ok().map(Self::Image),
            "ticket" => Some(Self::Ticket(rest.to_owned())),
            "run" => pair().map(|(invocation, builder)| Self::BuildRun { invocation, builder }),
            "commit" => pair().map(|(commit, repository)| Self::Commit { commit, repository }),
            "dockerfile" => pair().map(|(path, repository)| Self::Dockerfile { path, repository }),
            _ => None,
        }
        .ok_or(ParseNodeError)
    }
}

impl EdgeKind {
    /// The word in the catalogue.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Lists => "lists",
            Self::BuiltBy => "built-by",
            Self::BuiltFrom => "built-from",
            Self::Followed => "followed",
            Self::BasedOn => "based-on",
            Self::DiscussedIn => "discussed-in",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_is_read_as_it_was_written() {
        let text = |text: &str| text.to_owned();
        for node in [
            Node::Image(Digest::sha256_of(b"a")),
            Node::BuildRun { invocation: text("run 7 %20"), builder: text("https://ci.example/a b") },
            Node::BuildRun { invocation: String::new(), builder: String::new() },
            Node::Commit { commit: text("c0ffee"), repository: text("git+https://example.org/app@main") },
            Node::Dockerfile { path: text("build/Dockerfile"), repository: String::new() },
            Node::Ticket(text("https://tracker.example/T-1 2")),
        ] {
            assert_eq!(node.to_string().parse(), Ok(node));
        }
    }

    #[test]
    fn what_is_no_node_is_refused() {
        for text in ["", "image", "image x", "run", "run x", "planet mars"] {
            assert_eq!(text.parse::<Node>(), Err(ParseNodeError), "{text}");
        }
    }
}
