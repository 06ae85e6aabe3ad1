using Metering.Service.Quotas;
using NodaTime;
using Xunit;

namespace Metering.Tests.Quotas;

public sealed class QuotaGrownTests
{
    [Fact]
    public void Growth_is_read_as_it_was_written()
    {
        var (plain, peak) = (Compiled("acme-ü", "cpuSeconds"), Compiled("peak", "memoryPeakBytes"));
        QuotaUse[] uses =
        [
            new(new QuotaKey(plain, 1_766_361_600, "")) { Growth = 1 }, new(new QuotaKey(plain, 1_766_361_600, "t\u001fb\u001f1\u001fcpu €/h")) { Growth = -5 },
            new(new QuotaKey(plain, -60, "waited")) { Growth = (Int128)long.MaxValue * 1_000_000_000_000 }, new(new QuotaKey(peak, 0, "")) { Growth = 0 },
        ];

        Assert.Equal(uses.Select(use => new QuotaGrown(use.Quota.Id, use.Start, use.Component, use.Quota.IsPeak, use.Growth)), QuotaGrown.Read(QuotaGrown.Write(uses)));
    }

    [Fact]
    public void Of_a_newer_version_it_says_so()
    {
        var thrown = Assert.Throws<InvalidDataException>(() => QuotaGrown.Read([2, 0]).ToList());
        Assert.Equal("Growth of quotas of version 2 is from a newer release of the service; start that one.", thrown.Message);
    }

    private static CompiledQuota Compiled(string id, string meter) => new(0, id, new Quota { Subject = new QuotaSubject { Fleet = true }, Meter = meter, Limit = 1 }, 1, DateTimeZone.Utc);
}
