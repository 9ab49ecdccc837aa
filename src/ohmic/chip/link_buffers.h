#pragma once

// Buffers for links of limited bandwidth. Pixels that queue for a link stand in the buffer behind it, from when they
// are made; so buffers that never make anything wait are larger than with wide links. What a run needs to get through
// at all is the same: it is a matter of order, not of time.

#include "ohmic/mapping/plan.h"

namespace ohmic {

/// The plan, whose buffers have sizes, with those of its scheme for links of the chip's bandwidth. `full-rate`: with as
/// many pixels nothing waits for room, in runs of any number of samples up to 16, and in longer ones where the queues
/// have settled by then.
Plan size_buffers_for_links(Plan plan);

/// The same needs, with the sizes of the buffers left as they are.
Plan find_link_needs(Plan plan);

}  // namespace ohmic
