using Metering.Service.Ledger;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Metering.Service.TimeSeries;

/// <summary>Wiring: nothing runs when no server is named.</summary>
internal static class TimeSeriesSetup
{
    public static void AddTimeSeries(this IServiceCollection services, TimeSeriesOptions? options)
    {
        services.AddSingleton<SeriesState>();
        services.AddSingleton(provider => new SeriesReport(provider.GetRequiredService<LedgerStore>(), provider.GetRequiredService<SeriesState>(), options, provider.GetService<SeriesTarget>()));
        if (options is null) return;
        services.AddSingleton(options);
        services.AddSingleton<SeriesTarget>();
        services.AddSingleton(provider => new SeriesSender(provider.GetRequiredService<SeriesTarget>(), provider.GetRequiredService<SeriesState>(), provider.GetRequiredService<TimeProvider>(), new Random(),
            provider.GetRequiredService<ILogger<SeriesSender>>()));
        services.AddSingleton<SeriesRebuild>();
        services.AddHostedService<SeriesFollower>();
    }
}
