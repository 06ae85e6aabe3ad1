using System.Text.Json;

namespace Metering.Service.Applying;

/// <summary>Documents of one kind that take effect together, or not at all: what a file of <c>metering … apply</c> describes.</summary>
internal sealed record ApplyRequest
{
    /// <param name="Id">What the document would be PUT to: a tenant's id, the number of a version.</param>
    /// <param name="Body">What would be PUT.</param>
    internal sealed record Entry(string Id, JsonElement Body);

    public IReadOnlyList<Entry> Documents { get; init => field = value ?? []; } = [];
}
