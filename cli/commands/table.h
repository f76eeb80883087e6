// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_CLI_COMMANDS_TABLE_H_
#define CONSTELLATION_CLI_COMMANDS_TABLE_H_

#include <vector>

#include "cli/command.h"

namespace constellation::cli {

// All commands, in the order in which --help lists them.
std::vector<Command> AllCommands();
// Words that only group commands, with what --help says of them.
std::vector<CommandGroup> AllGroups();

// What a function below returns is a description alone: making it has no
// effect, and its `run` reads everything else when it is called.
// One file each.

// Writes constellation-conf.yaml for a provider. ALREADY_EXISTS rather than
// overwriting one.
Command ConfigGenerateCommand();
// Lists the machine types that this program knows; asks no cloud.
Command ConfigInstanceTypesCommand();
// `apply` without all that follows the machines.
Command CreateCommand();
// `apply` without the machines.
Command InitCommand();
// What `apply` would do in a cloud. Changes nothing, takes no lock.
Command PlanCommand();
// Does whatever is missing, phase by phase; can be repeated at any time.
Command ApplyCommand();
// Config, machines and cluster in one go, on this computer.
Command MiniUpCommand();
// `terminate` for what `mini up` made and for nothing else.
Command MiniDownCommand();
// Machines, boot progress, Kubernetes nodes; or one machine's console.
// NOT_FOUND if there is no cluster. Takes no lock.
Command StatusCommand();
// Challenges every node with a fresh nonce. Exit code 0 only if each was
// checked and accepted.
Command VerifyCommand();
// Sends the key of their disk to nodes that wait for it and prove themselves.
Command RecoverCommand();
// Removes the cluster with its data; the master secret stays.
Command TerminateCommand();
// Runs the image builder in the foreground. NOT_FOUND if it is not installed.
Command ImageBuildCommand();
// Predicts registers and launch measurements of an image or firmware; needs
// neither TPM nor confidential hardware.
Command ImageMeasureCommand();
// Makes an image file an image of the config's cloud. An upload that was
// stopped goes on where it was.
Command ImageUploadCommand();
// Identities for nodes, with no more rights than they need.
Command IamCreateCommand();
// Deletes what the workspace notes of `iam create`. FAILED_PRECONDITION while a
// cluster uses it.
Command IamDestroyCommand();
// Decodes any file of attestation. Verifies nothing and says so.
Command AttestationShowCommand();
// Verifies evidence in files against a policy. Exit code 2 for a refusal, 1 for
// what could not be checked.
Command AttestationVerifyCommand();
// Gets what evidence in files needs from AMD and Intel into the cache.
Command CollateralFetchCommand();
// Puts the cache into one file, for machines without network.
Command CollateralBundleCommand();
// Whether collateral in files leads to the vendors' roots and is valid.
Command CollateralVerifyCommand();
// Whether a policy is valid and, with a key, signed; warns of weak spots.
Command PolicyCheckCommand();
// Signs a policy. A policy that does not parse is not signed.
Command PolicySignCommand();
// A policy in sentences.
Command PolicyExplainCommand();
// What is different between two policies, by meaning.
Command PolicyDiffCommand();
// The program's version and platform.
Command VersionCommand();
// Scripts by which bash, zsh and fish complete command lines.
Command CompletionCommand();
// Power switches of local machines; hidden, for tests.
Command QemuPowerCommand();

}  // namespace constellation::cli

#endif  // CONSTELLATION_CLI_COMMANDS_TABLE_H_
