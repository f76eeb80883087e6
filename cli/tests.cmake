# Tests of cli/, beside the sources that they test.
constellation_library(NAME cli_testing
  SRCS testing/fake_world.cc
  DEPS constellation::cli_core constellation::common_testing constellation::attestation_testing)

constellation_test(NAME cli_apply_test SRCS apply/apply_test.cc DEPS constellation::cli_testing)
constellation_test(NAME cli_yaml_test SRCS yaml/yaml_test.cc DEPS constellation::cli_config constellation::common_testing)
