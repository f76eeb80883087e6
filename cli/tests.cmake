# Tests of cli/, beside the sources that they test.
constellation_library(NAME cli_testing
  SRCS testing/fake_world.cc
  DEPS constellation::cli_core constellation::common_testing constellation::attestation_testing)

constellation_test(NAME cli_apply_test SRCS apply/apply_test.cc DEPS constellation::cli_testing)
constellation_test(NAME cli_yaml_test SRCS yaml/yaml_test.cc DEPS constellation::cli_config constellation::common_testing)
constellation_test(NAME cli_verify_test SRCS verify/verify_test.cc DEPS constellation::cli_testing)
constellation_test(NAME cli_terminal_test SRCS terminal/terminal_test.cc DEPS constellation::cli_terminal constellation::common_testing)
constellation_test(NAME cli_boot_status_test SRCS nodes/boot_status_test.cc DEPS constellation::cli_core constellation::common_testing)
constellation_test(NAME cli_launch_prediction_test SRCS image/launch_prediction_test.cc
  DEPS constellation::cli_core constellation::attestation_launch_testing constellation::common_testing)
constellation_test(NAME cli_help_test SRCS commands/help_test.cc DEPS constellation::cli_commands constellation::common_testing)
constellation_test(NAME cli_policy_commands_test SRCS commands/policy_commands_test.cc
  DEPS constellation::cli_commands constellation::common_testing)
