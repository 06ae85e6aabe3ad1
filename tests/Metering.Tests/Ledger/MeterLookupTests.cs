using System.Text;
using Metering.Meters;
using Xunit;

namespace Metering.Tests.Ledger;

public sealed class MeterLookupTests
{
    [Fact]
    public void Every_meter_is_found_by_the_bytes_of_either_name()
    {
        Assert.All(MeterCatalogue.All, meter =>
        {
            Assert.Equal(meter.Index, MeterCatalogue.IndexOf(Encoding.UTF8.GetBytes(meter.Wire)));
            Assert.Equal(meter.Index, MeterCatalogue.IndexOf(Encoding.UTF8.GetBytes(meter.Name)));
        });
    }

    [Theory]
    [InlineData("")]
    [InlineData("cpuMicrosecond")]
    [InlineData("cpuMicroseconds ")]
    [InlineData("CpuMicroseconds")]
    [InlineData("xpuMicroseconds")]
    [InlineData("a name that is longer than that of any meter there is or will be, as it may come from a stranger")]
    public void What_is_no_meter_is_not_found(string name) => Assert.Equal(-1, MeterCatalogue.IndexOf(Encoding.UTF8.GetBytes(name)));
}
