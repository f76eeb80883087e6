# SPDX-License-Identifier: Apache-2.0
"""The machine that a figure was taken on."""
import os
import platform


def machine():
    with open('/proc/cpuinfo', encoding='utf-8') as file:
        model = next((line.split(':', 1)[1].strip() for line in file if line.startswith('model name')), 'unknown')
    with open('/proc/meminfo', encoding='utf-8') as file:
        memory = int(file.readline().split()[1]) // 1024
    return {'cpu': model, 'cores': os.cpu_count(), 'memoryMiB': memory, 'kernel': platform.release()}
