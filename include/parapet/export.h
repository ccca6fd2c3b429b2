// What libparapet.so shows to others. Its layers are compiled with hidden visibility.
#pragma once

#define PARAPET_API __attribute__((visibility("default")))
