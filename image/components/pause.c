/* SPDX-License-Identifier: Apache-2.0 */
/* Holds the namespaces of a pod: waits for a signal, collects orphans. */

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

static void stop(int signal_number) {
  (void)signal_number;
  _exit(0);
}

static void collect(int signal_number) {
  (void)signal_number;
  while (waitpid(-1, NULL, WNOHANG) > 0) {
  }
}

static void handle(int signal_number, void (*handler)(int), int flags) {
  struct sigaction action = {.sa_handler = handler, .sa_flags = flags};
  sigemptyset(&action.sa_mask);
  if (sigaction(signal_number, &action, NULL) < 0) {
    perror("pause: sigaction");
    exit(1);
  }
}

int main(void) {
  handle(SIGINT, stop, 0);
  handle(SIGTERM, stop, 0);
  handle(SIGCHLD, collect, SA_NOCLDSTOP);
  for (;;) {
    pause();
  }
}
