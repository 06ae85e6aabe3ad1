using Metering.Service.Access;
using Metering.Service.Alerts;
using Metering.Service.Allocation;
using Metering.Service.Quotas;
using Metering.Service.Rating;
using Metering.Service.Tenants;
using Microsoft.EntityFrameworkCore;

namespace Metering.Service.Ledger;

/// <summary>Configuration as entities. The ledger's own tables (receipts, usage, workloads) are written and read in SQL, see <see cref="InitialSchema"/>.</summary>
public sealed class MeteringContext(DbContextOptions<MeteringContext> options) : DbContext(options)
{
    protected override void OnModelCreating(ModelBuilder modelBuilder)
    {
        modelBuilder.Entity<Tenant>(entity =>
        {
            entity.ToTable("tenant").HasKey(tenant => tenant.Id);
            entity.Property(tenant => tenant.Id).HasColumnName("id");
            entity.Property(tenant => tenant.Name).HasColumnName("name");
            entity.Property(tenant => tenant.TimeZone).HasColumnName("time_zone");
            entity.Property(tenant => tenant.Currency).HasColumnName("currency");
            entity.Property(tenant => tenant.PriceBook).HasColumnName("price_book");
        });
        modelBuilder.Entity<StoredRules>(entity =>
        {
            entity.ToTable("ownership_rules").HasKey(rules => rules.Id);
            entity.Property(rules => rules.Id).HasColumnName("id").ValueGeneratedNever();
            entity.Property(rules => rules.Json).HasColumnName("json");
        });
        modelBuilder.Entity<StoredPriceVersion>(entity =>
        {
            entity.ToTable("price_version").HasKey(version => new { version.Book, version.Version });
            entity.Property(version => version.Book).HasColumnName("book");
            entity.Property(version => version.Version).HasColumnName("version");
            entity.Property(version => version.Json).HasColumnName("json");
        });
        modelBuilder.Entity<StoredContract>(entity =>
        {
            entity.ToTable("contract").HasKey(contract => contract.Tenant);
            entity.Property(contract => contract.Tenant).HasColumnName("tenant");
            entity.Property(contract => contract.Json).HasColumnName("json");
        });
        modelBuilder.Entity<StoredAllocation>(entity =>
        {
            entity.ToTable("allocation").HasKey(allocation => allocation.Id);
            entity.Property(allocation => allocation.Id).HasColumnName("id").ValueGeneratedNever();
            entity.Property(allocation => allocation.Json).HasColumnName("json");
        });
        modelBuilder.Entity<StoredQuota>(entity =>
        {
            entity.ToTable("quota").HasKey(quota => quota.Id);
            entity.Property(quota => quota.Id).HasColumnName("id");
            entity.Property(quota => quota.Json).HasColumnName("json");
        });
        modelBuilder.Entity<StoredQuotaPlan>(entity =>
        {
            entity.ToTable("quota_plan").HasKey(plan => plan.Id);
            entity.Property(plan => plan.Id).HasColumnName("id");
            entity.Property(plan => plan.Json).HasColumnName("json");
        });
        modelBuilder.Entity<Webhook>(entity =>
        {
            entity.ToTable("webhook").HasKey(webhook => webhook.Id);
            entity.Property(webhook => webhook.Id).HasColumnName("id");
            entity.Property(webhook => webhook.Url).HasColumnName("url");
            entity.Property(webhook => webhook.Secret).HasColumnName("secret");
            entity.Property(webhook => webhook.Disabled).HasColumnName("disabled");
            entity.Property(webhook => webhook.Channel).HasColumnName("channel");
            entity.Property(webhook => webhook.SettingsJson).HasColumnName("settings");
            entity.Property(webhook => webhook.Ordered).HasColumnName("ordered");
            entity.Property(webhook => webhook.OldSecret).HasColumnName("old_secret");
            entity.Property(webhook => webhook.OldSecretUntil).HasColumnName("old_secret_until");
            entity.Property(webhook => webhook.FailingSince).HasColumnName("failing_since");
        });
        modelBuilder.Entity<Delivery>(entity =>
        {
            entity.ToTable("delivery").HasKey(delivery => delivery.Id);
            entity.Property(delivery => delivery.Id).HasColumnName("id").ValueGeneratedOnAdd();
            entity.Property(delivery => delivery.Webhook).HasColumnName("webhook");
            entity.Property(delivery => delivery.EventId).HasColumnName("event_id");
            entity.Property(delivery => delivery.Body).HasColumnName("body");
            entity.Property(delivery => delivery.CreatedAt).HasColumnName("created_at");
            entity.Property(delivery => delivery.State).HasColumnName("state");
            entity.Property(delivery => delivery.Attempts).HasColumnName("attempts");
            entity.Property(delivery => delivery.NextAttemptAt).HasColumnName("next_attempt_at");
            entity.Property(delivery => delivery.LastStatus).HasColumnName("last_status");
            entity.Property(delivery => delivery.LastError).HasColumnName("last_error");
            entity.Property(delivery => delivery.Resend).HasColumnName("resend");
        });
        modelBuilder.Entity<Alert>(entity =>
        {
            entity.ToTable("alert").HasKey(alert => alert.Id);
            entity.Property(alert => alert.Id).HasColumnName("id");
            entity.Property(alert => alert.Quota).HasColumnName("quota");
            entity.Property(alert => alert.Tenant).HasColumnName("tenant");
            entity.Property(alert => alert.At).HasColumnName("at");
            entity.Property(alert => alert.Json).HasColumnName("json");
            entity.Property(alert => alert.Key).HasColumnName("alert_key");
            entity.Property(alert => alert.State).HasColumnName("state");
            entity.Property(alert => alert.Severity).HasColumnName("severity");
            entity.Property(alert => alert.Silence).HasColumnName("silence");
        });
        modelBuilder.Entity<ApiKey>(entity =>
        {
            entity.ToTable("api_key").HasKey(key => key.Id);
            entity.Property(key => key.Id).HasColumnName("id");
            entity.Property(key => key.Hash).HasColumnName("hash");
            entity.Property(key => key.Role).HasColumnName("role");
            entity.Property(key => key.Tenant).HasColumnName("tenant");
            entity.Property(key => key.Host).HasColumnName("host");
            entity.Property(key => key.Name).HasColumnName("name");
            entity.Property(key => key.CreatedAt).HasColumnName("created_at");
            entity.Property(key => key.ExpiresAt).HasColumnName("expires_at");
            entity.Property(key => key.LastUsedAt).HasColumnName("last_used_at");
        });
    }
}
