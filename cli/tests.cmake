# Tests of cli/, beside the sources that they test.
constellation_library(NAME cli_testing
  SRCS testing/fake_world.cc
  DEPS constellation::cli_core constellation::common_testing constellation::attestation_testing)

constellation_test(NAME cli_apply_test SRCS apply/apply_test.cc apply/infrastructure_phase_test.cc apply/init_phase_test.cc apply/node_keeper_test.cc
  DEPS constellation::cli_testing)
constellation_test(NAME cli_cluster_test
  SRCS cluster/cluster_api_test.cc cluster/cluster_keys_test.cc cluster/node_verifier_test.cc
       cluster/policy_builder_test.cc cluster/qemu_platform_test.cc cluster/recovery_test.cc image/image_files_test.cc
       workspace/master_secret_test.cc
  DEPS constellation::cli_testing constellation::image_measure_testing)
constellation_test(NAME cli_yaml_test SRCS yaml/map_reader_test.cc yaml/problems_test.cc yaml/yaml_value_test.cc
  DEPS constellation::cli_config constellation::common_testing)
constellation_test(NAME cli_verify_test SRCS verify/appraise_cluster_test.cc verify/verify_report_test.cc verify/verify_test.cc
  DEPS constellation::cli_testing)
constellation_test(NAME cli_terminal_test SRCS command_test.cc exit_code_test.cc terminal/interrupt_test.cc terminal/progress_test.cc terminal/table_test.cc
  DEPS constellation::cli_terminal constellation::common_testing)
constellation_test(NAME cli_grpc_node_api_test SRCS nodes/grpc_node_api_test.cc
  DEPS constellation::cli_commands constellation::attestation_testing constellation::common_testing)
constellation_test(NAME cli_boot_status_test SRCS nodes/boot_status_test.cc DEPS constellation::cli_core constellation::common_testing)
constellation_test(NAME cli_launch_prediction_test SRCS image/launch_prediction_test.cc
  DEPS constellation::cli_core constellation::attestation_launch_testing constellation::common_testing)
constellation_test(NAME cli_help_test SRCS commands/help_test.cc DEPS constellation::cli_commands constellation::common_testing)
constellation_test(NAME cli_policy_commands_test SRCS commands/policy_commands_test.cc
  DEPS constellation::cli_commands constellation::common_testing)
constellation_test(NAME cli_commands_test
  SRCS cloud/provider_factory_test.cc
       commands/apply_commands_test.cc commands/attestation_show_test.cc commands/attestation_verify_test.cc
       commands/cloud_approval_test.cc commands/collateral_commands_test.cc commands/collateral_verify_test.cc
       commands/completion_test.cc commands/config_generate_test.cc commands/config_instance_types_test.cc
       commands/confirm_test.cc commands/file_verdict_test.cc commands/iam_commands_test.cc commands/image_commands_test.cc
       commands/image_upload_test.cc commands/plan_test.cc commands/qemu_power_test.cc commands/recover_test.cc
       commands/session_test.cc commands/status_test.cc
       commands/table_test.cc commands/terminate_test.cc commands/verify_test.cc commands/version_test.cc
       testing/scoped_variable_test.cc
  DEPS constellation::cli_commands constellation::attestation_policy_testing constellation::common_testing)
