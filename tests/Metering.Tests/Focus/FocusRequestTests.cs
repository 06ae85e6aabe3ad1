using Metering.Service.Focus;
using Xunit;

namespace Metering.Tests.Focus;

public sealed class FocusRequestTests
{
    [Fact]
    public void Every_fault_is_told_at_once_with_names_that_are_near()
    {
        var faults = new List<string>();

        Assert.Null(FocusRequest.From("2026-13", "1.3", "costs", "week", "BiledCost,Tags,Region", null, faults));

        Assert.Equal(6, faults.Count);
        Assert.Contains("'2026-13', which is no month", faults[0]);
        Assert.Contains("it is 1.4 or 1.2", faults[1]);
        Assert.Contains("cost-and-usage, billing-period, invoice-detail", faults[2]);
        Assert.Contains("it is hour or day", faults[3]);
        Assert.Contains("'BiledCost', which FOCUS 1.4 CostAndUsage does not have; near are BilledCost", faults[4]);
        Assert.Contains("RegionId", faults[5]);
    }

    [Fact]
    public void Datasets_of_invoices_are_there_since_1_4_and_columns_belong_to_their_profile()
    {
        var faults = new List<string>();
        FocusRequest.From("2026-10", "1.2", "invoice-detail", null, null, null, faults);
        Assert.Contains("There is no dataset invoice-detail in FOCUS 1.2", Assert.Single(faults));

        faults.Clear();
        FocusRequest.From("2026-10", "1.4", null, null, "ProviderName", null, faults);
        Assert.Contains("ServiceProviderName", Assert.Single(faults));
        Assert.NotNull(FocusRequest.From("2026-10", "1.2", null, null, "providername", null, []));
    }
}
