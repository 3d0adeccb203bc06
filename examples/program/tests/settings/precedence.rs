//! Which source counts.

use payflow_program::{CURRENCY, Inputs, KAFKA_BROKERS, KafkaBrokers, settings};

use crate::told::{Flags, file, read, refusal};

fn group(arguments: &[&str], environment: &[(&str, &str)]) -> String {
    let group = read(arguments, environment).expect("good settings").settings.group;
    group.map_or_else(|| "none".to_owned(), |group| group.to_string())
}

#[test]
fn flag_before_environment_before_file_before_default() {
    let file = file("group = \"from-file\"\n");
    let config = ["--config", &file];
    let all = ["--config", &file, "--group", "from-flag"];
    let environment = [("PAYFLOW_GROUP", "from-environment")];

    assert_eq!(group(&all, &environment), "from-flag");
    assert_eq!(group(&config, &environment), "from-environment");
    assert_eq!(group(&config, &[]), "from-file");
    assert_eq!(group(&[], &[]), "none");
}

#[test]
fn file_named_by_flag_before_file_named_by_environment() {
    let (one, other) = (file("group = \"one\"\n"), file("group = \"other\"\n"));

    assert_eq!(group(&["--config", &one], &[("PAYFLOW_CONFIG", &other)]), "one");
    assert_eq!(group(&[], &[("PAYFLOW_CONFIG", &other)]), "other");
}

#[test]
fn source_that_does_not_count_is_not_checked() {
    let file = file("group = [1]\n");

    assert_eq!(group(&["--config", &file, "--group", "good"], &[("PAYFLOW_GROUP", "not good")]), "good");
    let message = refusal(&["--config", &file], &[("PAYFLOW_GROUP", "not good")]);
    assert!(message.starts_with("group (environment variable PAYFLOW_GROUP)"), "{message}");
}

#[test]
fn flag_told_twice_is_refused() {
    let message = refusal(&["--group=a", "--group=b"], &[]);
    assert!(message.contains("'--group <GROUP>' cannot be used multiple times"), "{message}");
}

settings! {
    #[derive(Debug)]
    struct Demanding {
        currency: payflow_core::Currency = CURRENCY,
        kafka_brokers: KafkaBrokers = KAFKA_BROKERS.default("kafka:9092"),
    }
}

#[test]
fn setting_without_default_must_be_told() {
    let told =
        payflow_program::read::<Flags, Demanding>(&Inputs::new(["p", "--currency=JPY"], [("", ""); 0]));
    let Demanding { currency, kafka_brokers } = told.expect("told").settings;
    assert_eq!((currency.code(), kafka_brokers.as_str()), ("JPY", "kafka:9092"));

    let error = payflow_program::read::<Flags, Demanding>(&Inputs::new(["p"], [("", ""); 0]));
    assert_eq!(
        error.expect_err("not told").to_string(),
        "currency is not set; give --currency, PAYFLOW_CURRENCY, or currency in the settings file: \
         an ISO 4217 code such as EUR"
    );
}

#[test]
fn wrong_default_is_the_programs_own() {
    settings! {
        #[derive(Debug)]
        struct Wrong {
            _currency: payflow_core::Currency = CURRENCY.default("euro"),
        }
    }
    let error = payflow_program::read::<Flags, Wrong>(&Inputs::new(["p"], [("", ""); 0])).expect_err("wrong");
    assert!(error.to_string().starts_with("currency (the program's default): \"euro\""), "{error}");
}

#[test]
fn flags_of_the_program_stay_its_own() {
    let program = read(&["--payments", "7", "--log=json"], &[("PAYFLOW_PAYMENTS", "9")]).expect("good");

    assert_eq!(program.flags.payments, Some(7));
    assert_eq!(
        program.warnings,
        ["no setting has the environment variable PAYFLOW_PAYMENTS, and it changes nothing; \
          see --help for those that are known"]
    );
}

#[test]
fn unknown_variable_is_a_warning_that_names_the_closest() {
    let environment = [
        ("PAYFLOW_TOPICS", "x"),
        ("PAYFLOW_CONFIGS", "x"),
        // Another program's, a test's, and somebody else's.
        ("PAYFLOW_KAFKA_BROKERS", "a:1"),
        ("PAYFLOW_TEST_BROKERS", "x"),
        ("PAYFLOWER", "x"),
        ("HOME", "x"),
    ];

    let warnings = read(&[], &environment).expect("warnings stop nothing").warnings;

    assert_eq!(warnings.len(), 2, "{warnings:?}");
    assert!(warnings[0].contains("PAYFLOW_CONFIGS") && warnings[0].ends_with("did you mean PAYFLOW_CONFIG?"));
    assert!(warnings[1].contains("PAYFLOW_TOPICS") && warnings[1].ends_with("did you mean PAYFLOW_TOPIC?"));
}

#[test]
fn variable_of_another_program_is_no_warning() {
    let environment = [("PAYFLOW_GROUP", "not good"), ("PAYFLOW_CURRENCY", "EUR")];

    let program = payflow_program::read::<Flags, Demanding>(&Inputs::new(["p"], environment)).expect("good");

    assert_eq!(program.warnings, Vec::<String>::new());
}
