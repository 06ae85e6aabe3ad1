using Metering.Service.Rating;

namespace Metering.Service.Focus;

/// <summary>The rows of one price tier under the same terms, within a document. State: how much of them the commitment has covered so far.</summary>
internal sealed class FocusLine(FocusGroup group, long listPrice, long contractedPrice)
{
    public FocusGroup Group => group;

    public long ListPrice => listPrice;

    public long ContractedPrice => contractedPrice;

    /// <summary>All rows at the contracted price.</summary>
    public Amount Net { get; set; }

    public FocusCommitment? Commitment { get; set; }

    /// <summary>How much of <see cref="Net"/> the commitment covers.</summary>
    public Amount Limit { get; set; }

    private Amount _seen;

    /// <summary>How much of the next row is covered: all of it up to the limit, so that the sum over all rows is the limit.</summary>
    public Amount Cover(Amount cost)
    {
        if (Commitment is null || Limit == Amount.Zero) return Amount.Zero;
        if (Limit == Net) return cost;
        var before = Within(_seen);
        _seen += cost;
        return Within(_seen) - before;
    }

    private Amount Within(Amount sum) => Limit > Amount.Zero ? Clamp(sum, Amount.Zero, Limit) : Clamp(sum, Limit, Amount.Zero);

    internal static Amount Clamp(Amount value, Amount low, Amount high) => value < low ? low : value > high ? high : value;
}
