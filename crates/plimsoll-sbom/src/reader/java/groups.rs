//! Groups of artifacts that are built without Maven, so that nothing within the jar names the group or what does is
//! another.

/// How the artifact's name is compared.
enum Match {
    Name(&'static str),
    Prefix(&'static str),
}
use Match::{Name, Prefix};

/// The first row that matches holds.
const GROUPS: &[(Match, &str)] = &[
    (Prefix("spring-boot"), "org.springframework.boot"),
    (Prefix("spring-security-"), "org.springframework.security"),
    (Prefix("spring-cloud-"), "org.springframework.cloud"),
    (Prefix("spring-data-"), "org.springframework.data"),
    (Prefix("spring-integration-"), "org.springframework.integration"),
    (Prefix("spring-batch-"), "org.springframework.batch"),
    (Prefix("spring-session-"), "org.springframework.session"),
    (Prefix("spring-kafka"), "org.springframework.kafka"),
    (Prefix("spring-amqp"), "org.springframework.amqp"),
    (Prefix("spring-rabbit"), "org.springframework.amqp"),
    (Prefix("spring-ldap-"), "org.springframework.ldap"),
    (Prefix("spring-graphql"), "org.springframework.graphql"),
    (Name("spring-aop"), "org.springframework"),
    (Name("spring-aspects"), "org.springframework"),
    (Name("spring-beans"), "org.springframework"),
    (Name("spring-context"), "org.springframework"),
    (Name("spring-context-support"), "org.springframework"),
    (Name("spring-core"), "org.springframework"),
    (Name("spring-expression"), "org.springframework"),
    (Name("spring-jcl"), "org.springframework"),
    (Name("spring-jdbc"), "org.springframework"),
    (Name("spring-jms"), "org.springframework"),
    (Name("spring-messaging"), "org.springframework"),
    (Name("spring-orm"), "org.springframework"),
    (Name("spring-oxm"), "org.springframework"),
    (Name("spring-tx"), "org.springframework"),
    (Name("spring-web"), "org.springframework"),
    (Name("spring-webflux"), "org.springframework"),
    (Name("spring-webmvc"), "org.springframework"),
    (Name("spring-websocket"), "org.springframework"),
    (Prefix("tomcat-embed-"), "org.apache.tomcat.embed"),
    (Prefix("tomcat-"), "org.apache.tomcat"),
    (Prefix("kotlin-stdlib"), "org.jetbrains.kotlin"),
    (Name("kotlin-reflect"), "org.jetbrains.kotlin"),
    (Prefix("micrometer-"), "io.micrometer"),
    (Name("reactor-core"), "io.projectreactor"),
    (Name("reactor-netty-http"), "io.projectreactor.netty"),
    (Name("reactor-netty-core"), "io.projectreactor.netty"),
    (Name("hibernate-validator"), "org.hibernate.validator"),
    (Name("byte-buddy"), "net.bytebuddy"),
    (Name("kafka-clients"), "org.apache.kafka"),
    (Prefix("kafka_2."), "org.apache.kafka"),
    (Name("antlr"), "antlr"),
    (Name("checker-qual"), "org.checkerframework"),
    (Name("h2"), "com.h2database"),
    (Name("hsqldb"), "org.hsqldb"),
    (Prefix("derby"), "org.apache.derby"),
    (Prefix("mysql-connector-java"), "mysql"),
    (Name("okhttp"), "com.squareup.okhttp3"),
    (Name("okio"), "com.squareup.okio"),
    (Name("okio-jvm"), "com.squareup.okio"),
    (Name("lz4-java"), "org.lz4"),
    (Name("xercesImpl"), "xerces"),
    (Name("xalan"), "xalan"),
    (Name("xml-apis"), "xml-apis"),
    (Name("xmlpull"), "xmlpull"),
    (Name("xpp3_min"), "xpp3"),
    (Name("elasticsearch"), "org.elasticsearch"),
    (Name("opensearch"), "org.opensearch"),
    (Prefix("lucene-"), "org.apache.lucene"),
    (Prefix("solr-"), "org.apache.solr"),
    (Name("poi"), "org.apache.poi"),
    (Prefix("poi-"), "org.apache.poi"),
    (Prefix("batik-"), "org.apache.xmlgraphics"),
    (Name("xmlbeans"), "org.apache.xmlbeans"),
    (Name("ant"), "org.apache.ant"),
    (Name("ivy"), "org.apache.ivy"),
    (Name("velocity"), "org.apache.velocity"),
    (Name("quartz"), "org.quartz-scheduler"),
    (Prefix("ktor-"), "io.ktor"),
    (Name("scala-library"), "org.scala-lang"),
];

/// What the jars of a Tomcat installation are called in Maven's repository.
const TOMCAT_JARS: &[(&str, &str)] = &[
    ("catalina", "tomcat-catalina"),
    ("catalina-ant", "tomcat-catalina-ant"),
    ("catalina-ha", "tomcat-catalina-ha"),
    ("catalina-tribes", "tomcat-tribes"),
    ("jasper", "tomcat-jasper"),
    ("jasper-el", "tomcat-jasper-el"),
];

/// The group that such an artifact has.
pub(super) fn known_group(name: &str, version: &str) -> Option<&'static str> {
    let later = |first: u32| major(version).is_some_and(|major| major >= first);
    match name {
        "groovy" => Some(if later(4) { "org.apache.groovy" } else { "org.codehaus.groovy" }),
        "dom4j" => Some(if later(2) { "org.dom4j" } else { "dom4j" }),
        "hibernate-core" => Some(if later(6) { "org.hibernate.orm" } else { "org.hibernate" }),
        _ => GROUPS.iter().find(|(rule, _)| rule.holds(name)).map(|(_, group)| *group),
    }
}

/// The artifact's name in Maven's repository, if this jar is part of a Tomcat installation.
pub(super) fn tomcat_artifact(stem: &str, implementation_title: Option<&str>) -> Option<&'static str> {
    if implementation_title != Some("Apache Tomcat") {
        return None;
    }
    TOMCAT_JARS.iter().find(|(jar, _)| *jar == stem).map(|(_, artifact)| *artifact)
}

impl Match {
    fn holds(&self, name: &str) -> bool {
        match self {
            Name(wanted) => name == *wanted,
            Prefix(wanted) => name.starts_with(wanted),
        }
    }
}

fn major(version: &str) -> Option<u32> {
    version.split('.').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_moved_with_their_major_versions() {
        assert_eq!(known_group("groovy", "3.0.9"), Some("org.codehaus.groovy"));
        assert_eq!(known_group("groovy", "4.0.1"), Some("org.apache.groovy"));
        assert_eq!(known_group("tomcat-embed-core", "9.0.1"), Some("org.apache.tomcat.embed"));
        assert_eq!(known_group("spring-own", "1"), None);
    }
}
