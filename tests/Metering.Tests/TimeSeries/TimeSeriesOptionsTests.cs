using Metering.Configuration;
using Metering.Safety;
using Metering.Service.TimeSeries;
using Xunit;

namespace Metering.Tests.TimeSeries;

public sealed class TimeSeriesOptionsTests
{
    [Fact]
    public void User_and_password_are_taken_out_of_the_address()
    {
        var options = From("http://us%40er:pa%3Ass@influx:8086/proxy/")!;

        Assert.Equal(("http://influx:8086/proxy/", "us@er:pa:ss"), (options.Url.ToString(), options.Login));
        Assert.Equal(
            ["http://influx:8086/proxy/api/v3/write_lp?db=metering&precision=nanosecond", "http://influx:8086/proxy/api/v2/write?bucket=metering&org=metering&precision=ns", "http://influx:8086/proxy/write?db=metering&precision=ns"],
            WriteApi.All.Select(api => api.At(options).ToString()));
    }

    [Fact]
    public void Without_an_address_nothing_is_written()
    {
        Assert.Null(From(null));
    }

    [Theory]
    [InlineData("influx:8086")]
    [InlineData("udp://influx:8089")]
    [InlineData("http://influx:8086/write?db=metering")]
    public void A_wrong_address_stops_the_start(string url)
    {
        Assert.Equal(2, Assert.Throws<UserErrorException>(() => From(url)).ExitCode);
    }

    private static TimeSeriesOptions? From(string? url) => TimeSeriesOptions.From(new Settings(new Dictionary<string, string?> { ["TimeSeries:Url"] = url }));
}
