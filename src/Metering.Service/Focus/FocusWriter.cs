using Metering.Service.Billing;
using Metering.Service.Rating;

namespace Metering.Service.Focus;

/// <summary>Fills rows of Cost and Usage and writes the columns that are asked for. State: the row, filled again for each.</summary>
internal sealed class FocusWriter
{
    private readonly FocusCsv _csv;
    private readonly Action<FocusCsv, FocusRow>[] _columns;
    private readonly FocusOptions _options;
    private readonly FocusRow _row = new();
    private readonly bool _splits;

    public FocusWriter(FocusCsv csv, FocusProfile profile, IReadOnlyList<FocusColumn> columns, FocusOptions options)
    {
        (_csv, _columns, _options, _splits) = (csv, [.. columns.Select(column => column.Write!)], options, profile.HasAllocation);
        foreach (var column in columns) csv.Text(column.Name);
        csv.EndRow();
        _row.ServiceProvider = FocusCsv.Field(options.ServiceProviderName);
        _row.HostProvider = FocusCsv.Field(options.HostProviderName);
    }

    /// <summary>What one workload used, or the tenant bought, at one price.</summary>
    /// <param name="at">The instant that decides on name, labels and project.</param>
    /// <param name="nano">In 10⁻⁹ of the pricing unit.</param>
    /// <param name="consumed">In the meter's base units.</param>
    public void Charge(FocusBill bill, FocusLine line, FocusSku sku, FocusResource resource, long at, long start, long end, Int128 nano, Int128 consumed, Int128? used, Int128? reserved, byte[] chargeId)
    {
        Begin(bill, line.Group, start, end);
        var row = _row;
        row.Category = sku.IsPurchase ? FocusTexts.Purchase : FocusTexts.Usage;
        row.Frequency = sku.IsPurchase ? FocusTexts.Recurring : FocusTexts.UsageBased;
        row.Kind = sku.IsAllocation ? Allocation : UsageKind;
        (row.Description, row.ChargeId) = (sku.Description, chargeId);
        (row.SkuId, row.SkuMeter, row.SkuPriceId, row.SkuPriceDetails) = (sku.SkuId, sku.Meter, sku.PriceId, sku.Details);
        (row.ServiceName, row.ServiceCategory, row.ServiceSubcategory) = (sku.Service, sku.Category, sku.Subcategory);
        (row.Basis, row.Book, row.Version) = (sku.Basis, sku.Book, sku.Version);
        (row.ResourceId, row.ResourceType, row.RegionId) = (resource.Id, resource.Type, resource.Region);
        (row.ResourceName, row.Tags) = resource.At(at);
        (row.ProjectId, row.ProjectName) = bill.Account.Project(resource.ProjectAt(at));
        if (sku.IsAllocation) Allocate(sku, resource);
        (row.HasPricing, row.PricingUnit, row.PricingCategory) = (true, sku.PricingUnit, FocusTexts.Standard);
        (row.ListPrice, row.ContractedPrice) = (line.ListPrice, line.ContractedPrice);
        (row.HasConsumed, row.ConsumedUnit, row.ConsumedScale) = (!sku.IsPurchase, sku.ConsumedUnit, sku.IsAllocation ? 9 : sku.ConsumedScale);
        (row.HasUsed, row.Used) = (used is not null, used ?? 0);
        (row.HasReserved, row.Reserved) = (reserved is not null, reserved ?? 0);

        var cost = Amount.Of(nano, line.ContractedPrice);
        var covered = line.Cover(cost);
        line.Group.Written += cost;
        line.Group.Covered += covered;
        if (sku.IsAllocation) consumed = nano;
        if (covered == Amount.Zero || line.Commitment is null) Priced(nano, consumed, cost, cost);
        else if (covered == cost) Covered(line.Commitment, nano, consumed, covered);
        else Split(line, nano, consumed, cost, covered);
    }

    // The resource is the host, whose cost is split; what it is split to stands in columns of its own, where the profile has them.
    private void Allocate(FocusSku sku, FocusResource resource)
    {
        var row = _row;
        (row.Method, row.AllocatedId, row.AllocatedName, row.AllocatedTags) = (sku.SkuId, resource.Id, row.ResourceName, row.Tags);
        if (_splits) (row.ResourceId, row.ResourceName, row.ResourceType, row.Tags) = (resource.HostId, resource.HostName, resource.HostId.Length == 0 ? [] : Host, []);
    }

    /// <summary>A line of a document that is no sum of rows.</summary>
    public void Line(FocusBill bill, InvoiceLine line, FocusGroup group, FocusCommitment? commitment)
    {
        var (start, end) = Tenants.BillingPeriod.TryParse(bill.Origin, out var origin) ? bill.Account.BoundsOf(origin) : (bill.Account.Start, bill.Account.End);
        Begin(bill, group, start, end);
        Other(line.Kind, line.Text, FocusLines.Of(line.Kind));
        var cost = line.Cost;
        switch (line.Kind)
        {
            case "commitmentPurchase":
                Commit(commitment, []);
                Bought(cost, effective: Amount.Zero);
                break;
            case "commitmentUnused":
                Commit(commitment, FocusTexts.Unused);
                (_row.HasCommitment, _row.CommitmentQuantity) = (true, Amount.FromDecimal(line.Effective ?? 0));
                Nothing(Amount.FromDecimal(line.Effective ?? 0));
                break;
            case "commitmentUsed":
                Offset(bill, group, commitment, -cost, start, end, line.Text);
                break;
            case "prepaidDrawn":
                // Paid before: less to pay, and worth the same.
                Write(cost, cost, Amount.Zero, cost);
                break;
            default:
                Write(cost, cost, cost, cost);
                break;
        }

        Residue(bill, group, Amount.FromDecimal(line.Amount) - cost, start, end);
    }

    /// <summary>What rounding an entry adds, and what its rows do not explain.</summary>
    public void Close(FocusBill bill, FocusGroup group)
    {
        var (start, end) = Tenants.BillingPeriod.TryParse(bill.Origin, out var origin) ? bill.Account.BoundsOf(origin) : (bill.Account.Start, bill.Account.End);
        if (bill.Document is null) return;
        foreach (var (commitment, covered) in group.Apart)
        {
            Offset(bill, group, commitment, covered, start, end, $"Covered by the commitment: {group.Text}");
            group.Covered += covered;
        }

        var missing = group.Cost - group.Written;
        if (missing != Amount.Zero)
        {
            Begin(bill, group, start, end);
            Other("difference", $"What the document says of {group.Text} beyond its rows", new FocusLines(FocusTexts.Adjustment, FocusTexts.OneTime, false));
            Write(missing, missing, missing, missing);
        }

        Residue(bill, group, group.Target - (group.Cost - group.Covered), start, end);
    }

    // What is covered is no row of usage: what the commitment is worth here, and as much taken off what is to pay.
    private void Offset(FocusBill bill, FocusGroup group, FocusCommitment? commitment, Amount covered, long start, long end, string text)
    {
        Begin(bill, group, start, end);
        Other("commitmentUsed", text, FocusLines.Of(ChargeKind.CommitmentUsed));
        Commit(commitment, FocusTexts.Used);
        (_row.HasCommitment, _row.CommitmentQuantity) = (true, covered);
        (_row.HasConsumed, _row.Consumed, _row.ConsumedScale, _row.ConsumedUnit) = (true, 0, 0, FocusTexts.Units);
        Nothing(covered);
        Begin(bill, group, start, end);
        Other("commitmentUsed", text, new FocusLines(FocusTexts.Adjustment, FocusTexts.Recurring, true));
        Write(-covered, -covered, -covered, -covered);
    }

    private void Residue(FocusBill bill, FocusGroup group, Amount residue, long start, long end)
    {
        if (residue == Amount.Zero) return;
        Begin(bill, group, start, end);
        Other("adjustment", $"Rounding of {group.Text}", new FocusLines(FocusTexts.Adjustment, FocusTexts.OneTime, false));
        _row.IsResidue = true;
        Write(residue, residue, residue, residue);
    }

    private void Priced(Int128 nano, Int128 consumed, Amount billed, Amount effective)
    {
        (_row.Pricing, _row.Consumed) = (nano, consumed);
        Write(billed, Amount.Of(nano, (long)_row.ContractedPrice), effective, Amount.Of(nano, (long)_row.ListPrice));
    }

    private void Covered(FocusCommitment commitment, Int128 nano, Int128 consumed, Amount covered)
    {
        Commit(commitment, FocusTexts.Used);
        (_row.HasCommitment, _row.CommitmentQuantity, _row.PricingCategory) = (true, covered, FocusTexts.Committed);
        Priced(nano, consumed, Amount.Zero, covered);
    }

    // The commitment ends within the row: as much of the quantity as it pays for, and the rest. What is less than a billionth of a unit moves the two costs and not their sum.
    private void Split(FocusLine line, Int128 nano, Int128 consumed, Amount cost, Amount covered)
    {
        var paid = covered.Units / line.ContractedPrice;
        var consumedPaid = nano == 0 ? 0 : (Int128)((System.Numerics.BigInteger)consumed * (System.Numerics.BigInteger)paid / (System.Numerics.BigInteger)nano);
        Covered(line.Commitment!, paid, consumedPaid, covered);
        (_row.CommitmentId, _row.CommitmentName, _row.CommitmentStatus, _row.HasCommitment, _row.PricingCategory) = ([], [], [], false, FocusTexts.Standard);
        (_row.HasUsed, _row.HasReserved) = (false, false);
        Priced(nano - paid, consumed - consumedPaid, cost - covered, cost - covered);
    }

    private void Commit(FocusCommitment? commitment, byte[] status)
    {
        if (commitment is null) return;
        (_row.CommitmentId, _row.CommitmentName, _row.CommitmentStatus, _row.CommitmentUnit) = (commitment.Field, CommitmentName, status, _row.Currency);
    }

    private void Bought(Amount cost, Amount effective)
    {
        // Prices are never negative: what is taken back is a negative quantity.
        var isTaken = cost < Amount.Zero;
        (_row.HasPricing, _row.Pricing, _row.PricingUnit, _row.PricingCategory) = (true, isTaken ? -PriceLine.NanoScale : PriceLine.NanoScale, FocusTexts.Units, FocusTexts.Standard);
        _row.ListPrice = _row.ContractedPrice = (isTaken ? -cost : cost).Units / PriceLine.NanoScale;
        (_row.HasCommitment, _row.CommitmentQuantity) = (_row.CommitmentId.Length > 0, cost);
        Write(cost, cost, effective, cost);
    }

    private void Nothing(Amount effective)
    {
        (_row.HasPricing, _row.Pricing, _row.ListPrice, _row.ContractedPrice, _row.PricingUnit, _row.PricingCategory) = (true, 0, 0, 0, FocusTexts.Units, FocusTexts.Committed);
        Write(Amount.Zero, Amount.Zero, effective, Amount.Zero);
    }

    private void Begin(FocusBill bill, FocusGroup group, long start, long end)
    {
        var row = _row;
        (row.AccountId, row.AccountName, row.Currency) = (bill.Account.Id, bill.Account.Name, bill.Currency);
        (row.PeriodStart, row.PeriodEnd, row.Start, row.End) = (bill.Account.Start, bill.Account.End, start, end);
        (row.InvoiceId, row.InvoiceDetailId) = (bill.InvoiceId, group.DetailId);
        row.Issuer = bill.Issuer(_options);
        row.Class = bill.IsCorrection ? FocusTexts.Correction : [];
        (row.CommitmentId, row.CommitmentName, row.CommitmentStatus, row.HasCommitment) = ([], [], [], false);
        (row.IsResidue, row.HasUsed, row.HasReserved, row.Method, row.AllocatedId, row.AllocatedName, row.AllocatedTags) = (false, false, false, [], [], [], []);
    }

    private void Other(string kind, string text, FocusLines line)
    {
        var row = _row;
        (row.Category, row.Frequency, row.Kind, row.Description) = (line.Category, line.Frequency, FocusTexts.Bytes(kind), FocusCsv.Field(text));
        (row.ServiceName, row.ServiceCategory, row.ServiceSubcategory) = (ContractService, OtherCategory, OtherSubcategory);
        (row.SkuId, row.SkuMeter, row.SkuPriceId, row.SkuPriceDetails, row.ChargeId, row.Basis, row.Book, row.Version) = ([], [], [], [], [], [], [], 0);
        (row.ResourceId, row.ResourceName, row.ResourceType, row.RegionId, row.Tags, row.ProjectId, row.ProjectName) = ([], [], [], [], [], [], []);
        (row.HasPricing, row.HasConsumed, row.PricingCategory) = (false, false, []);
    }

    private void Write(Amount billed, Amount contracted, Amount effective, Amount list)
    {
        (_row.Billed, _row.Contracted, _row.Effective, _row.List) = (billed, contracted, effective, list);
        foreach (var column in _columns) column(_csv, _row);
        _csv.EndRow();
    }

    private static readonly byte[] UsageKind = "usage"u8.ToArray();
    private static readonly byte[] Allocation = "allocation"u8.ToArray();
    private static readonly byte[] Host = "Host"u8.ToArray();
    private static readonly byte[] CommitmentName = "Commitment"u8.ToArray();
    private static readonly byte[] ContractService = "Contract and Billing"u8.ToArray();
    private static readonly byte[] OtherCategory = "Other"u8.ToArray();
    private static readonly byte[] OtherSubcategory = "Other (Other)"u8.ToArray();
}
