// SPDX-License-Identifier: Apache-2.0
// The compiled part of fmt 9. Debian has it only as a shared library, and that
// one brings the shared libstdc++ into programs that have their own.
#include <fmt/format-inl.h>

FMT_BEGIN_NAMESPACE
namespace detail {

// What fmt/format.h and fmt/core.h promise to exist elsewhere.
template auto thousands_sep_impl<char>(locale_ref)
    -> thousands_sep_result<char>;
template auto decimal_point_impl(locale_ref) -> char;
template void vformat_to(buffer<char>&, string_view,
                         basic_format_args<FMT_BUFFER_CONTEXT(char)>,
                         locale_ref);
template auto dragonbox::to_decimal(float) noexcept
    -> dragonbox::decimal_fp<float>;
template auto dragonbox::to_decimal(double) noexcept
    -> dragonbox::decimal_fp<double>;
template locale_ref::locale_ref(const std::locale&);

}  // namespace detail
FMT_END_NAMESPACE
