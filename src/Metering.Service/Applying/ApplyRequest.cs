using System.ComponentModel;
using System.Text.Json;

namespace Metering.Service.Applying;

/// <summary>Documents of one kind that take effect together, or not at all: what a file of <c>metering … apply</c> describes.</summary>
internal sealed record ApplyRequest
{
    /// <param name="Id">What the document would be PUT to: a tenant's id, the number of a version.</param>
    /// <param name="Body">What would be PUT.</param>
    /// <param name="IfMatch">As the header of a PUT: see <see cref="Http.EntityTags"/>. Null: whatever it is.</param>
    /// <param name="IfNoneMatch">As the header of a PUT.</param>
    internal sealed record Entry(
        [property: Description("What the document would be PUT to: a tenant's id, the number of a version")] string Id,
        [property: Description("What would be PUT")] JsonElement Body,
        [property: Description("ETag of what was read, with or without its quotes: nothing is changed, and the answer is 412, if one of the documents is no longer that")] string? IfMatch = null,
        [property: Description("* if the document is not to be there yet, else 412")] string? IfNoneMatch = null);

    public IReadOnlyList<Entry> Documents { get; init => field = value ?? []; } = [];
}
