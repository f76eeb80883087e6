# SPDX-License-Identifier: Apache-2.0
"""What every step of the image build needs: commands, the cache, apt, trees."""
