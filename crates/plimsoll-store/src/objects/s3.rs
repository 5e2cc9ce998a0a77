//! Objects in an S3-compatible service, written with multipart uploads straight to their final key.

mod write;

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use futures_util::stream::BoxStream;
use futures_util::{FutureExt as _, StreamExt as _, TryStreamExt as _};
use object_store::aws::{AmazonS3, AmazonS3Builder};
use object_store::multipart::MultipartStore as _;
use object_store::path::Path;
use object_store::signer::Signer as _;
use object_store::{ClientOptions, GetOptions, GetRange, ObjectStore as _, ObjectStoreExt as _, RetryConfig};

use super::{
    ByteStream, IngestObjects, KeyKind, ListedObject, MARK, ManageObjects, ObjectError, ObjectKey,
    ObjectWriter, ProvideObjects, Result, SuspendedObject,
};
use write::{S3Writer, Suspended};

/// How to reach a bucket.
#[derive(Clone)]
pub struct S3Config {
    /// The bucket's name.
    pub bucket: String,
    /// What every key begins with; may be empty.
    pub prefix: String,
    /// The service's address, where it is not AWS.
    pub endpoint: Option<String>,
    /// The region that requests are signed for.
    pub region: String,
    /// The access key's id; without one requests take their credentials from the instance or pod.
    pub access_key_id: Option<String>,
    /// The access key's secret.
    pub secret_access_key: Option<String>,
    /// Whether plain HTTP is allowed.
    pub allow_http: bool,
    /// Whether the bucket is a host name (`bucket.host`) and not the first part of the path.
    pub virtual_hosted_style: bool,
    /// How often a failed call is made again.
    pub retries_max: usize,
    /// How long a call may send or receive nothing before it counts as failed.
    pub stall: Duration,
}

/// Objects in an S3-compatible service.
#[derive(Clone, Debug)]
pub struct S3Objects {
    bucket: Arc<Bucket>,
}

#[derive(Debug)]
struct Bucket {
    service: AmazonS3,
    prefix: Path,
    name: String,
}

impl S3Objects {
    /// Prepares calls to a bucket; makes none yet.
    pub fn new(config: S3Config) -> Result<Self> {
        // The first of the process wins; whoever chose one before has chosen for us too.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let name = config.bucket.clone();
        let prefix = Path::from(config.prefix.as_str());
        let service = builder(config).build().map_err(|source| ObjectError::Unusable {
            place: format!("s3://{name}"),
            reason: source.to_string(),
        })?;
        Ok(Self { bucket: Arc::new(Bucket { service, prefix, name }) })
    }

    /// Removes what a suspended writer of `key` keeps.
    async fn remove(&self, key: ObjectKey, suspended: Suspended) -> Result<()> {
        if let Some(tail) = suspended.tail {
            self.delete(tail.key).await?;
        }
        let Some(multipart) = suspended.multipart else { return Ok(()) };
        match self.bucket.service.abort_multipart(&self.bucket.path(multipart.key), &multipart.id).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(source) => Err(failed("abort the upload of", key)(source)),
        }
    }
}

fn builder(config: S3Config) -> AmazonS3Builder {
    let client = ClientOptions::new()
        .with_allow_http(config.allow_http)
        .with_timeout_disabled()
        .with_connect_timeout(config.stall)
        .with_read_timeout(config.stall);
    let retry = RetryConfig {
        max_retries: config.retries_max,
        retry_timeout: config.stall.saturating_mul(4),
        ..RetryConfig::default()
    };
    let mut builder = AmazonS3Builder::new()
        .with_bucket_name(config.bucket)
        .with_region(config.region)
        .with_virtual_hosted_style_request(config.virtual_hosted_style)
        .with_client_options(client)
        .with_retry(retry);
    if let Some(endpoint) = config.endpoint {
        builder = builder.with_endpoint(endpoint).with_allow_http(config.allow_http);
    }
    if let (Some(id), Some(secret)) = (config.access_key_id, config.secret_access_key) {
        builder = builder.with_access_key_id(id).with_secret_access_key(secret);
    }
    builder
}

impl Bucket {
    fn mark(&self) -> Path {
        self.prefix.parts().chain(Path::from(MARK).parts()).collect()
    }

    fn unusable(&self, source: &object_store::Error) -> ObjectError {
        ObjectError::Unusable { place: format!("s3://{}", self.name), reason: source.to_string() }
    }

    fn path(&self, key: ObjectKey) -> Path {
        let below: Path = Path::from(key.to_string());
        self.prefix.parts().chain(below.parts()).collect()
    }
}

fn failed(doing: &'static str, key: ObjectKey) -> impl FnOnce(object_store::Error) -> ObjectError {
    move |source| match source {
        object_store::Error::NotFound { .. } => ObjectError::NotFound(key),
        source => ObjectError::Service { doing, key, source },
    }
}

impl IngestObjects for S3Objects {
    fn put(&self, key: ObjectKey, bytes: Bytes) -> BoxFuture<'_, Result<()>> {
        async move {
            self.bucket
                .service
                .put(&self.bucket.path(key), bytes.into())
                .await
                .map_err(failed("put", key))?;
            Ok(())
        }
        .boxed()
    }

    fn create(&self, key: ObjectKey) -> BoxFuture<'_, Result<Box<dyn ObjectWriter>>> {
        let writer: Box<dyn ObjectWriter> = Box::new(S3Writer::create(self.bucket.clone(), key));
        std::future::ready(Ok(writer)).boxed()
    }

    fn resume(&self, key: ObjectKey, at: SuspendedObject) -> BoxFuture<'_, Result<Box<dyn ObjectWriter>>> {
        let writer = S3Writer::resume(self.bucket.clone(), key, &at);
        std::future::ready(writer.map(|writer| Box::new(writer) as Box<dyn ObjectWriter>)).boxed()
    }

    fn abandon(&self, key: ObjectKey, at: Option<SuspendedObject>) -> BoxFuture<'_, Result<()>> {
        async move {
            let suspended = at.map(|at| Suspended::parse(key, &at)).transpose()?.unwrap_or_default();
            self.remove(key, suspended).await
        }
        .boxed()
    }

    fn withdraw(
        &self,
        key: ObjectKey,
        from: SuspendedObject,
        at: SuspendedObject,
    ) -> BoxFuture<'_, Result<()>> {
        async move {
            let made = Suspended::parse(key, &at)?.without(&Suspended::parse(key, &from)?);
            self.remove(key, made).await
        }
        .boxed()
    }
}

impl ProvideObjects for S3Objects {
    fn read(&self, key: ObjectKey, range: Range<u64>) -> BoxFuture<'_, Result<ByteStream>> {
        async move {
            if range.is_empty() {
                return Ok(futures_util::stream::empty().boxed());
            }
            let options =
                GetOptions { range: Some(GetRange::Bounded(range.clone())), ..GetOptions::default() };
            let path = self.bucket.path(key);
            let got = self.bucket.service.get_opts(&path, options).await.map_err(failed("read", key))?;
            if got.range != range {
                return Err(ObjectError::Truncated { key, at: got.range.end });
            }
            Ok(got.into_stream().map_err(failed_again("read", key)).boxed())
        }
        .boxed()
    }

    fn size(&self, key: ObjectKey) -> BoxFuture<'_, Result<Option<u64>>> {
        async move {
            match self.bucket.service.head(&self.bucket.path(key)).await {
                Ok(head) => Ok(Some(head.size)),
                Err(object_store::Error::NotFound { .. }) => Ok(None),
                Err(source) => Err(failed("measure", key)(source)),
            }
        }
        .boxed()
    }

    fn presign(&self, key: ObjectKey, valid_for: Duration) -> BoxFuture<'_, Result<Option<String>>> {
        async move {
            let path = self.bucket.path(key);
            let url = self.bucket.service.signed_url(reqwest::Method::GET, &path, valid_for).await;
            url.map(|url| Some(url.into())).map_err(failed("sign an address of", key))
        }
        .boxed()
    }
}

/// [`failed`] for a stream, where it may be asked for more than once.
fn failed_again(doing: &'static str, key: ObjectKey) -> impl Fn(object_store::Error) -> ObjectError {
    move |source| failed(doing, key)(source)
}

impl ManageObjects for S3Objects {
    fn delete(&self, key: ObjectKey) -> BoxFuture<'_, Result<()>> {
        async move {
            match self.bucket.service.delete(&self.bucket.path(key)).await {
                Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
                Err(source) => Err(failed("delete", key)(source)),
            }
        }
        .boxed()
    }

    fn list(&self, kind: KeyKind) -> BoxStream<'_, Result<ListedObject>> {
        let folder: Path = self.bucket.prefix.parts().chain(Path::from(kind.folder()).parts()).collect();
        let depth = self.bucket.prefix.parts().count();
        let place = format!("s3://{}/{folder}", self.bucket.name);
        self.bucket
            .service
            .list(Some(&folder))
            .map_err(move |source| ObjectError::Unusable { place: place.clone(), reason: source.to_string() })
            .try_filter_map(move |object| {
                let below: Path = object.location.parts().skip(depth).collect();
                let listed = below.as_ref().parse().ok().map(|key| ListedObject { key, size: object.size });
                std::future::ready(Ok(listed))
            })
            .boxed()
    }

    fn mark(&self) -> BoxFuture<'_, Result<()>> {
        async move {
            let put = self.bucket.service.put(&self.bucket.mark(), Bytes::new().into()).await;
            put.map(drop).map_err(|source| self.bucket.unusable(&source))
        }
        .boxed()
    }

    fn check(&self) -> BoxFuture<'_, Result<()>> {
        async move {
            match self.bucket.service.head(&self.bucket.mark()).await {
                Ok(_) => Ok(()),
                Err(object_store::Error::NotFound { .. }) => {
                    Err(ObjectError::Unmarked { place: format!("s3://{}", self.bucket.name) })
                }
                Err(source) => Err(self.bucket.unusable(&source)),
            }
        }
        .boxed()
    }
}
