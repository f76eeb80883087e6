# SPDX-License-Identifier: Apache-2.0
"""A volume driver for cinder that stores nothing; the one it ships writes to a device that is not there."""
from cinder.tests import fake_driver


class Volume(fake_driver.FakeLoggingVolumeDriver):
    def clone_image(self, context, volume, image_location, image_meta, image_service):
        return {}, True

    def copy_image_to_volume(self, context, volume, image_service, image_id, *arguments, **keywords):
        pass

    def extend_volume(self, volume, new_size):
        pass
