// SPDX-License-Identifier: GPL-2.0-only
/*
 * CSME stand-in: makes a mac80211_hwsim radio behave like an Intel vPro radio
 * that the management engine (CSME) may own.
 *
 * Copyright 2026 The vpro.fleet developers
 *
 * What userspace sees is the kernel's own: Intel's vendor commands and events
 * on the radio's wiphy, and the rfkill hard block with its reason. What CSME
 * does is scripted through /sys/kernel/debug/csme_standin/ (see README.md).
 *
 * Locks, outermost first:
 *
 *   RTNL > the laptop's wiphy mutex > csme.lock > log.lock
 *
 * - csme.lock protects the state. It is held for moments only: never over a
 *   wait, and never over dev_open()/dev_close(), whose notifiers take it.
 * - csme.wiphy, csme.netdev and csme.station change under RTNL and csme.lock,
 *   so either is enough to read them. A netdev pointer is dropped in
 *   NETDEV_UNREGISTER; the wiphy is referenced until its tables are restored.
 * - csme.netdev != NULL under csme.lock means that the wiphy is registered.
 * - CSME's station is moved on and off the air under RTNL only.
 *
 * The ownership request and RTNL
 *
 * nl80211 takes RTNL for NL80211_CMD_VENDOR only to look the wiphy up: the
 * handler runs with the wiphy mutex and without RTNL (6.1 and 6.12 alike, the
 * command has no NL80211_FLAG_NEED_RTNL). It may not take RTNL itself, which
 * is the outer lock. Whoever grants must first take CSME's station off the
 * air, by dev_close() under RTNL, and only then lift the hard block: until
 * then the host cannot even bring its interface up, so it can never associate
 * while CSME's station is still there. So a work item grants, while the
 * handler waits for it as iwlmei waits for CSME's answer.
 *
 * That work could starve: any other nl80211 command on the same radio waits
 * for the wiphy mutex, which the handler has, *with RTNL held*. The handler
 * would then sleep its whole time out. Therefore the work tries for RTNL for
 * some milliseconds only; then it sends the handler home, which returns 0 as
 * always, and the grant follows a moment later. The return code never was the
 * success, the block's going away is.
 *
 * A request made by bringing the interface up comes from the other side:
 * NETDEV_PRE_UP runs under RTNL, no work could ever get it. There the work
 * only brings CSME's answer, and the notifier itself closes the station.
 */

#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/debugfs.h>
#include <linux/device.h>
#include <linux/etherdevice.h>
#include <linux/if_ether.h>
#include <linux/jiffies.h>
#include <linux/kernel.h>
#include <linux/kmod.h>
#include <linux/ktime.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/netdevice.h>
#include <linux/poll.h>
#include <linux/rfkill.h>
#include <linux/rtnetlink.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/string.h>
#include <linux/sysfs.h>
#include <linux/uaccess.h>
#include <linux/wait.h>
#include <linux/workqueue.h>
#include <net/cfg80211.h>
#include <net/net_namespace.h>
#include <net/netlink.h>

/* Intel's vendor interface */
#define CSME_OUI			0x001735
#define CSME_CMD_GET_CONN_INFO		0x2d
#define CSME_CMD_GET_OWNERSHIP		0x30
#define CSME_CMD_ROAMING_EVENT		0x32
#define CSME_EVENT_IDX_ROAMING		4

#define CSME_ATTR_VIF_ADDR		0x02
#define CSME_ATTR_ADDR			0x0a
#define CSME_ATTR_SSID			0x3d
#define CSME_ATTR_STA_CIPHER		0x51
#define CSME_ATTR_ROAMING_FORBIDDEN	0x64
#define CSME_ATTR_AUTH_MODE		0x65
#define CSME_ATTR_CHANNEL_NUM		0x66
#define CSME_ATTR_BAND			0x69
#define CSME_ATTR_COLLOC_CHANNEL	0x70
#define CSME_ATTR_COLLOC_ADDR		0x71
#define CSME_ATTR_MAX			CSME_ATTR_COLLOC_ADDR

#define CSME_ANSWER_TIME		(HZ / 2)	/* as iwlmei waits */
#define CSME_UP_TRIES			3		/* as iwlmvm tries */
#define CSME_DEADLINE_MS		3000
#define CSME_RTNL_TRIES			20		/* 1 to 2 ms each */

#define CSME_RAW_MAX			1024
#define CSME_COMMAND_MAX		4096
#define CSME_ARGS_MAX			12

#define LOG_LINES			1024
#define LOG_LINE			192

static char csme_ifname[IFNAMSIZ] = "wlan0";
module_param_string(netdev, csme_ifname, sizeof(csme_ifname), 0444);
MODULE_PARM_DESC(netdev, "the laptop's interface, in the initial network namespace (wlan0)");

enum csme_owner { OWNER_HOST, OWNER_CSME };
enum csme_generation { GEN_USERSPACE, GEN_DRIVER };
enum csme_answer { ANSWER_GRANT, ANSWER_DENY, ANSWER_SILENT, ANSWER_UNASKED };
enum csme_reply { REPLY_NORMAL, REPLY_RAW, REPLY_ERRNO, REPLY_NONE };
enum csme_leave { LEAVE_DEAUTH, LEAVE_SILENT };

/* who asks for the NIC */
enum csme_asker { ASKER_VENDOR, ASKER_UP };

/* what the asker is woken with */
enum csme_verdict {
	VERDICT_NONE,
	VERDICT_GRANTED,	/* CSME agreed, the hand-over is still to come */
	VERDICT_DONE,		/* the host has the NIC */
	VERDICT_DENIED,
};

static const char * const owner_names[] = { "host", "csme" };
static const char * const generation_names[] = { "userspace", "driver" };
static const char * const answer_names[] = { "grant", "deny", "silent", "unasked" };
static const char * const asker_names[] = { "vendor", "interface_up" };
static const char * const verdict_names[] = {
	"timeout", "granted", "granted", "denied"
};

struct csme_connection {
	u8 ssid[IEEE80211_MAX_SSID_LEN];
	u8 ssid_len;
	u8 bssid[ETH_ALEN];
	u8 channel;
	u32 auth;
	u32 cipher;
	bool has_band;
	u8 band;
	bool has_colloc;
	u8 colloc_channel;
	u8 colloc_addr[ETH_ALEN];
};

static struct {
	struct mutex lock;		/* the state; see the head of this file */
	struct workqueue_struct *wq;

	/* the radio */
	struct wiphy *wiphy;
	struct net_device *netdev;
	bool carrier;
	const struct wiphy_vendor_command *orig_commands;
	const struct nl80211_vendor_cmd_info *orig_events;
	int n_orig_commands;
	int n_orig_events;
	struct work_struct radio_work;

	/* CSME's station; RTNL alone protects silenced */
	struct net_device *station;
	char station_phy[32];
	enum csme_leave leave;
	bool silenced;

	/* what is scripted */
	enum csme_generation generation;
	bool has_connection;
	struct csme_connection connection;
	bool link_protection;
	enum csme_answer answer;
	unsigned int grant_delay_ms;
	unsigned int deadline_ms;
	enum csme_reply reply;
	int reply_errno;
	u8 raw[CSME_RAW_MAX];
	size_t raw_len;

	/* what is */
	enum csme_owner owner;
	bool block_not_owner;
	bool block_signal;
	unsigned int requests;
	unsigned int grants;
	unsigned int takebacks;
	/* channels that are disabled while the host is held to CSME's one */
	bool narrowed;
	DECLARE_BITMAP(narrowed_channels[NUM_NL80211_BANDS], 256);

	/* a request under way */
	wait_queue_head_t answered;
	bool waits[2];			/* each asker, for CSME's answer */
	enum csme_verdict verdict;
	bool pending;			/* an answer is to come */
	enum csme_answer pending_answer;
	unsigned long pending_due;
	ktime_t pending_since;
	bool late;			/* the answer found nobody waiting */
	struct delayed_work answer_work;
	bool granting;			/* CSME agreed, hand-over not complete */
	bool releasing;			/* ... and nobody had asked */

	/* the host's time to connect */
	bool deadline_armed;
	unsigned long deadline_due;
	ktime_t deadline_since;
	struct delayed_work deadline_work;

	struct dentry *debugfs;
} csme;

/* The log */

static struct {
	spinlock_t lock;	/* first, next and the lines */
	wait_queue_head_t wait;
	char (*lines)[LOG_LINE];
	u64 first;		/* the oldest line that is not cleared */
	u64 next;		/* the line to come */
} csme_log;

struct csme_log_reader {
	u64 seq;
	size_t offset;
};

static __printf(2, 3) void log_event(const char *event, const char *fmt, ...)
{
	char details[LOG_LINE - 64];
	va_list args;

	va_start(args, fmt);
	vscnprintf(details, sizeof(details), fmt, args);
	va_end(args);

	spin_lock(&csme_log.lock);
	scnprintf(csme_log.lines[csme_log.next % LOG_LINES], LOG_LINE,
		  "%llu %s%s%s\n", ktime_get_ns(), event,
		  details[0] ? " " : "", details);
	csme_log.next++;
	if (csme_log.next - csme_log.first > LOG_LINES)
		csme_log.first = csme_log.next - LOG_LINES;
	spin_unlock(&csme_log.lock);

	wake_up_interruptible(&csme_log.wait);
}

static int log_open(struct inode *inode, struct file *file)
{
	struct csme_log_reader *reader = kzalloc(sizeof(*reader), GFP_KERNEL);

	file->private_data = reader;
	return reader ? 0 : -ENOMEM;
}

static int log_release(struct inode *inode, struct file *file)
{
	kfree(file->private_data);
	return 0;
}

/* The line that the reader is at; false when it has read all */
static bool log_line(struct csme_log_reader *reader, char *line)
{
	bool found;

	spin_lock(&csme_log.lock);
	if (reader->seq < csme_log.first) {
		reader->seq = csme_log.first;
		reader->offset = 0;
	}
	found = reader->seq < csme_log.next;
	if (found)
		memcpy(line, csme_log.lines[reader->seq % LOG_LINES], LOG_LINE);
	spin_unlock(&csme_log.lock);
	return found;
}

static ssize_t log_read(struct file *file, char __user *buf, size_t size,
			loff_t *pos)
{
	struct csme_log_reader *reader = file->private_data;
	char line[LOG_LINE];
	size_t done = 0;

	while (done < size && log_line(reader, line)) {
		size_t rest = strlen(line) - reader->offset;
		size_t part = min(rest, size - done);

		if (copy_to_user(buf + done, line + reader->offset, part))
			return done ?: -EFAULT;
		done += part;
		reader->offset += part;
		if (part == rest) {
			reader->seq++;
			reader->offset = 0;
		}
	}
	return done;
}

static ssize_t log_write(struct file *file, const char __user *buf, size_t size,
			 loff_t *pos)
{
	spin_lock(&csme_log.lock);
	csme_log.first = csme_log.next;
	spin_unlock(&csme_log.lock);
	return size;
}

static loff_t log_llseek(struct file *file, loff_t offset, int whence)
{
	struct csme_log_reader *reader = file->private_data;

	if (offset)
		return -EINVAL;
	spin_lock(&csme_log.lock);
	reader->offset = 0;
	switch (whence) {
	case SEEK_SET:
		reader->seq = csme_log.first;
		break;
	case SEEK_END:
		reader->seq = csme_log.next;
		break;
	}
	spin_unlock(&csme_log.lock);
	return whence == SEEK_SET || whence == SEEK_END ? 0 : -EINVAL;
}

static __poll_t log_poll(struct file *file, struct poll_table_struct *wait)
{
	struct csme_log_reader *reader = file->private_data;
	__poll_t mask = 0;

	poll_wait(file, &csme_log.wait, wait);
	spin_lock(&csme_log.lock);
	if (max(reader->seq, csme_log.first) < csme_log.next)
		mask = EPOLLIN | EPOLLRDNORM;
	spin_unlock(&csme_log.lock);
	return mask;
}

static const struct file_operations log_fops = {
	.owner = THIS_MODULE,
	.open = log_open,
	.release = log_release,
	.read = log_read,
	.write = log_write,
	.llseek = log_llseek,
	.poll = log_poll,
};

/* The hard block */

static void set_block(enum rfkill_hard_block_reasons reason, bool blocked)
{
	bool not_owner = reason == RFKILL_HARD_BLOCK_NOT_OWNER;
	bool *state = not_owner ? &csme.block_not_owner : &csme.block_signal;

	lockdep_assert_held(&csme.lock);

	if (*state == blocked)
		return;
	*state = blocked;
	if (csme.netdev)
		wiphy_rfkill_set_hw_state_reason(csme.wiphy, blocked, reason);
	log_event(blocked ? "block" : "unblock", "reason=%s",
		  not_owner ? "not_owner" : "signal");
}

/*
 * What a driver makes of CSME's connection status while CSME owns the NIC.
 * The older driver blocks under link protection; the newer one leaves that to
 * CSME's taking the NIC. Both lift the block when link protection ends.
 */
static void follow_link_protection(void)
{
	lockdep_assert_held(&csme.lock);

	if (csme.generation == GEN_USERSPACE || !csme.link_protection)
		set_block(RFKILL_HARD_BLOCK_NOT_OWNER, csme.link_protection);
}

/* Scans held to CSME's channel (driver-managed generation) */

static bool is_csme_channel(const struct ieee80211_channel *chan)
{
	static const enum nl80211_band bands[] = {
		NL80211_BAND_2GHZ, NL80211_BAND_5GHZ, NL80211_BAND_6GHZ
	};

	if (csme.connection.has_band &&
	    (csme.connection.band >= ARRAY_SIZE(bands) ||
	     bands[csme.connection.band] != chan->band))
		return false;
	return ieee80211_frequency_to_channel(chan->center_freq) ==
	       csme.connection.channel;
}

static bool has_csme_channel(void)
{
	enum nl80211_band band;
	int i;

	for (band = 0; band < NUM_NL80211_BANDS; band++) {
		struct ieee80211_supported_band *sband = csme.wiphy->bands[band];

		for (i = 0; sband && i < sband->n_channels; i++)
			if (is_csme_channel(&sband->channels[i]))
				return true;
	}
	return false;
}

/*
 * The original flags are marked too, or the next regulatory update would bring
 * the channels back. Call with the wiphy mutex.
 */
static void narrow_channels(bool narrow)
{
	enum nl80211_band band;
	int i;

	lockdep_assert_held(&csme.lock);

	csme.narrowed = narrow;
	for (band = 0; band < NUM_NL80211_BANDS; band++) {
		struct ieee80211_supported_band *sband = csme.wiphy->bands[band];
		unsigned long *ours = csme.narrowed_channels[band];

		for (i = 0; sband && i < min(sband->n_channels, 256); i++) {
			struct ieee80211_channel *chan = &sband->channels[i];

			if (narrow && !is_csme_channel(chan)) {
				if (chan->flags & IEEE80211_CHAN_DISABLED)
					continue;
				set_bit(i, ours);
				chan->flags |= IEEE80211_CHAN_DISABLED;
				chan->orig_flags |= IEEE80211_CHAN_DISABLED;
			} else if (test_and_clear_bit(i, ours)) {
				chan->flags &= ~IEEE80211_CHAN_DISABLED;
				chan->orig_flags &= ~IEEE80211_CHAN_DISABLED;
			}
		}
	}
}

/* Call with the wiphy mutex */
static void settle_channels(void)
{
	bool narrow;

	lockdep_assert_held(&csme.lock);

	if (!csme.netdev)
		return;
	narrow = csme.generation == GEN_DRIVER && csme.owner == OWNER_HOST &&
		 csme.link_protection && csme.has_connection &&
		 csme.connection.ssid_len && has_csme_channel();
	if (narrow || csme.narrowed)
		narrow_channels(narrow);
}

/* CSME's own station */

/*
 * hwsim delivers frames only between radios that share a group bit. Its
 * debugfs file is the only way to that, and it can be written from userspace
 * only.
 */
static int set_station_group(int group)
{
	char command[96];
	char *argv[] = { "/bin/sh", "-c", command, NULL };
	static char *envp[] = { "PATH=/usr/sbin:/usr/bin:/sbin:/bin", NULL };
	int err;

	snprintf(command, sizeof(command),
		 "echo %d > /sys/kernel/debug/ieee80211/%s/hwsim/group",
		 group, csme.station_phy);
	err = call_usermodehelper(argv[0], argv, envp, UMH_WAIT_PROC);
	if (err)
		pr_err("group %d of %s: the helper failed (%d)\n", group,
		       csme.station_phy, err);
	return err;
}

static void station_off(void)
{
	struct net_device *dev = csme.station;
	ktime_t start = ktime_get();
	int err = 0;

	ASSERT_RTNL();

	if (!dev || !netif_running(dev))
		return;
	if (csme.leave == LEAVE_SILENT) {
		err = set_station_group(2);
		csme.silenced = !err;
	}
	dev_close(dev);
	log_event("station_down", "dev=%s leave=%s us=%lld err=%d", dev->name,
		  csme.leave == LEAVE_SILENT ? "silent" : "deauth",
		  ktime_us_delta(ktime_get(), start), err);
}

static void station_unsilence(void)
{
	ASSERT_RTNL();

	if (!csme.silenced)
		return;
	set_station_group(1);
	csme.silenced = false;
}

static void station_on(void)
{
	struct net_device *dev = csme.station;
	ktime_t start = ktime_get();
	int err;

	ASSERT_RTNL();

	if (!dev)
		return;
	station_unsilence();
	if (netif_running(dev))
		return;
	err = dev_open(dev, NULL);
	log_event("station_up", "dev=%s us=%lld err=%d", dev->name,
		  ktime_us_delta(ktime_get(), start), err);
}

static void station_forget(void)
{
	ASSERT_RTNL();

	station_unsilence();
	mutex_lock(&csme.lock);
	csme.station = NULL;
	mutex_unlock(&csme.lock);
}

/*
 * Brings the air and the channels in line with the state. Call with RTNL and
 * nothing else.
 */
static void settle(void)
{
	bool csme_owns, blocked;

	ASSERT_RTNL();

	mutex_lock(&csme.lock);
	csme_owns = csme.owner == OWNER_CSME;
	blocked = csme.block_not_owner;
	mutex_unlock(&csme.lock);

	if (csme_owns) {
		/* cfg80211 does this as well, but later, from a work */
		if (blocked && csme.netdev)
			cfg80211_shutdown_all_interfaces(csme.wiphy);
		station_on();
	} else {
		station_off();
	}

	if (csme.netdev) {
		wiphy_lock(csme.wiphy);
		mutex_lock(&csme.lock);
		settle_channels();
		mutex_unlock(&csme.lock);
		wiphy_unlock(csme.wiphy);
	}
}

static void settle_with_rtnl(void)
{
	rtnl_lock();
	settle();
	rtnl_unlock();
}

/* The deadline */

/* An interface that was never up claims a carrier: it has to be up as well */
static bool host_has_carrier(void)
{
	return csme.netdev && csme.netdev->flags & IFF_UP &&
	       netif_carrier_ok(csme.netdev);
}

static void deadline_met(void)
{
	lockdep_assert_held(&csme.lock);

	if (!csme.deadline_armed)
		return;
	csme.deadline_armed = false;
	cancel_delayed_work(&csme.deadline_work);
	log_event("deadline", "met after_ms=%lld",
		  ktime_ms_delta(ktime_get(), csme.deadline_since));
}

static void deadline_start(void)
{
	unsigned long delay = msecs_to_jiffies(csme.deadline_ms);

	lockdep_assert_held(&csme.lock);

	if (!csme.deadline_ms)
		return;
	csme.deadline_armed = true;
	csme.deadline_since = ktime_get();
	csme.deadline_due = jiffies + delay;
	if (host_has_carrier())
		deadline_met();
	else
		mod_delayed_work(csme.wq, &csme.deadline_work, delay);
}

/* CSME has the NIC from now; what was under way is void */
static void csme_owns_now(void)
{
	lockdep_assert_held(&csme.lock);

	csme.owner = OWNER_CSME;
	csme.pending = false;
	csme.granting = false;
	csme.releasing = false;
	csme.deadline_armed = false;
	cancel_delayed_work(&csme.answer_work);
	cancel_delayed_work(&csme.deadline_work);
}

static void deadline_work_fn(struct work_struct *work)
{
	bool taken = false;

	mutex_lock(&csme.lock);
	if (csme.deadline_armed && !time_before(jiffies, csme.deadline_due)) {
		if (host_has_carrier()) {
			deadline_met();
		} else {
			taken = true;
			csme.takebacks++;
			log_event("deadline", "missed after_ms=%lld",
				  ktime_ms_delta(ktime_get(), csme.deadline_since));
			csme_owns_now();
			set_block(RFKILL_HARD_BLOCK_NOT_OWNER, true);
			log_event("takeback", "n=%u", csme.takebacks);
		}
	}
	mutex_unlock(&csme.lock);

	if (taken)
		settle_with_rtnl();
}

/* Handing over */

static void hand_over_now(void)
{
	lockdep_assert_held(&csme.lock);

	csme.owner = OWNER_HOST;
	csme.granting = false;
	set_block(RFKILL_HARD_BLOCK_NOT_OWNER, false);
	if (csme.releasing) {
		csme.releasing = false;
		log_event("release", "%s", "");
	} else {
		csme.grants++;
		log_event("grant", "n=%u after_us=%lld late=%d deadline_ms=%u",
			  csme.grants,
			  ktime_us_delta(ktime_get(), csme.pending_since),
			  csme.late, csme.deadline_ms);
		deadline_start();
	}
	csme.verdict = VERDICT_DONE;
	wake_up_all(&csme.answered);
}

/*
 * From CSME's yes to the host's NIC: CSME's station goes off the air, and only
 * then the block goes. Call with RTNL and nothing else.
 */
static void hand_over(void)
{
	bool granting, done = false;

	ASSERT_RTNL();

	mutex_lock(&csme.lock);
	granting = csme.granting;
	mutex_unlock(&csme.lock);
	if (!granting)
		return;

	station_off();

	/*
	 * No scan may start between the unblocking and the narrowing of the
	 * channels: the wiphy mutex sees to that. A waiting vendor handler has
	 * it already and narrows before it returns; it cannot leave while we
	 * have csme.lock. One that comes in only now finds granting set and
	 * does not wait, so the mutex becomes free.
	 */
	mutex_lock(&csme.lock);
	if (csme.waits[ASKER_VENDOR]) {
		done = csme.granting;
		if (done)
			hand_over_now();
		mutex_unlock(&csme.lock);
	} else {
		struct wiphy *wiphy = csme.netdev ? csme.wiphy : NULL;

		mutex_unlock(&csme.lock);
		if (wiphy)
			wiphy_lock(wiphy);
		mutex_lock(&csme.lock);
		done = csme.granting;
		if (done) {
			hand_over_now();
			settle_channels();
		}
		mutex_unlock(&csme.lock);
		if (wiphy)
			wiphy_unlock(wiphy);
	}

	/* CSME took the NIC meanwhile: its station belongs on the air */
	if (!done)
		settle();
}

/* Hands over from a context without locks; see the head of this file */
static void hand_over_unlocked(void)
{
	int i;

	for (i = 0; i < CSME_RTNL_TRIES; i++) {
		if (rtnl_trylock())
			goto locked;
		usleep_range(1000, 2000);
	}

	mutex_lock(&csme.lock);
	if (csme.waits[ASKER_VENDOR] && csme.granting) {
		csme.verdict = VERDICT_GRANTED;
		wake_up_all(&csme.answered);
	}
	mutex_unlock(&csme.lock);
	rtnl_lock();
locked:
	hand_over();
	rtnl_unlock();
}

/* CSME's answer to a request */
static void answer_work_fn(struct work_struct *work)
{
	bool hand_over_here = false;

	mutex_lock(&csme.lock);
	if (!csme.pending || time_before(jiffies, csme.pending_due))
		goto out;
	csme.pending = false;

	if (csme.pending_answer != ANSWER_GRANT) {
		log_event("deny", "after_us=%lld",
			  ktime_us_delta(ktime_get(), csme.pending_since));
		csme.verdict = VERDICT_DENIED;
		goto out;
	}

	csme.granting = true;
	csme.late = !csme.waits[ASKER_VENDOR] && !csme.waits[ASKER_UP];
	if (csme.waits[ASKER_UP]) {
		csme.verdict = VERDICT_GRANTED;
		wake_up_all(&csme.answered);
	} else {
		hand_over_here = true;
	}
out:
	mutex_unlock(&csme.lock);

	if (hand_over_here)
		hand_over_unlocked();
}

/* The host's request */

static void ask(enum csme_asker asker)
{
	unsigned long delay;

	lockdep_assert_held(&csme.lock);

	csme.waits[asker] = true;
	csme.verdict = VERDICT_NONE;

	/* asked before, and the answer is still to come: it will do for both */
	if (csme.pending)
		return;
	if (csme.answer == ANSWER_SILENT) {
		log_event("silent", "%s", "");
		return;
	}
	delay = msecs_to_jiffies(csme.grant_delay_ms);
	csme.pending = true;
	csme.pending_answer = csme.answer;
	csme.pending_since = ktime_get();
	csme.pending_due = jiffies + delay;
	mod_delayed_work(csme.wq, &csme.answer_work, delay);
}

static bool granted(enum csme_verdict verdict)
{
	return verdict == VERDICT_GRANTED || verdict == VERDICT_DONE;
}

/*
 * Asks CSME for the NIC and waits for a grant, as iwlmei does: a denial is only
 * logged there, and the wait goes on (iwl_mei_get_ownership,
 * iwl_mei_handle_rx_host_own_req). The vendor handler comes with the wiphy
 * mutex, the interface's way up with RTNL. True when the host has the NIC, or
 * for a vendor command when CSME agreed: the hand-over may be still to come.
 */
static bool request_ownership(enum csme_asker asker)
{
	const char *verdict = "owned";
	ktime_t start = ktime_get();
	bool wait, agreed, owned;

	mutex_lock(&csme.lock);
	csme.requests++;
	log_event("request", "n=%u by=%s owner=%s answer=%s delay_ms=%u",
		  csme.requests, asker_names[asker], owner_names[csme.owner],
		  answer_names[csme.answer], csme.grant_delay_ms);
	wait = csme.owner != OWNER_HOST && !csme.granting;
	if (wait)
		ask(asker);
	mutex_unlock(&csme.lock);

	if (wait)
		wait_event_timeout(csme.answered,
				   granted(READ_ONCE(csme.verdict)),
				   CSME_ANSWER_TIME);

	mutex_lock(&csme.lock);
	agreed = !wait || granted(csme.verdict);
	if (wait) {
		verdict = verdict_names[csme.verdict];
		csme.waits[asker] = false;
	} else if (csme.owner != OWNER_HOST) {
		verdict = "granted";
	}
	if (asker == ASKER_VENDOR)
		settle_channels();
	mutex_unlock(&csme.lock);

	if (asker == ASKER_UP)
		hand_over();

	mutex_lock(&csme.lock);
	owned = csme.owner == OWNER_HOST;
	log_event("request_return", "by=%s verdict=%s owner=%s after_us=%lld",
		  asker_names[asker], verdict, owner_names[csme.owner],
		  ktime_us_delta(ktime_get(), start));
	mutex_unlock(&csme.lock);
	return owned || (agreed && asker == ASKER_VENDOR);
}

/* The vendor commands */

static const struct nla_policy csme_attr_policy[CSME_ATTR_MAX + 1] = {
	[CSME_ATTR_ROAMING_FORBIDDEN] = { .type = NLA_U8 },
	[CSME_ATTR_AUTH_MODE] = { .type = NLA_U32 },
	[CSME_ATTR_CHANNEL_NUM] = { .type = NLA_U8 },
	[CSME_ATTR_SSID] = { .type = NLA_BINARY, .len = IEEE80211_MAX_SSID_LEN },
	[CSME_ATTR_BAND] = { .type = NLA_U8 },
	[CSME_ATTR_COLLOC_CHANNEL] = { .type = NLA_U8 },
	[CSME_ATTR_COLLOC_ADDR] = { .type = NLA_BINARY, .len = ETH_ALEN },
};

static bool put_connection(struct sk_buff *skb)
{
	const struct csme_connection *conn = &csme.connection;

	if (nla_put_u32(skb, CSME_ATTR_AUTH_MODE, conn->auth) ||
	    nla_put(skb, CSME_ATTR_SSID, conn->ssid_len, conn->ssid) ||
	    nla_put_u32(skb, CSME_ATTR_STA_CIPHER, conn->cipher) ||
	    nla_put_u8(skb, CSME_ATTR_CHANNEL_NUM, conn->channel) ||
	    nla_put(skb, CSME_ATTR_ADDR, ETH_ALEN, conn->bssid))
		return false;
	if (conn->has_band && nla_put_u8(skb, CSME_ATTR_BAND, conn->band))
		return false;
	if (conn->has_colloc &&
	    (nla_put_u8(skb, CSME_ATTR_COLLOC_CHANNEL, conn->colloc_channel) ||
	     nla_put(skb, CSME_ATTR_COLLOC_ADDR, ETH_ALEN, conn->colloc_addr)))
		return false;
	return true;
}

static int get_conn_info(struct wiphy *wiphy, struct wireless_dev *wdev,
			 const void *data, int data_len)
{
	struct sk_buff *skb = NULL;
	int err = 0;

	mutex_lock(&csme.lock);
	switch (csme.reply) {
	case REPLY_ERRNO:
		err = -csme.reply_errno;
		break;
	case REPLY_NONE:
		break;
	case REPLY_RAW:
		skb = cfg80211_vendor_cmd_alloc_reply_skb(wiphy, csme.raw_len);
		if (skb)
			skb_put_data(skb, csme.raw, csme.raw_len);
		else
			err = -ENOMEM;
		break;
	case REPLY_NORMAL:
		if (!csme.has_connection) {
			err = -EINVAL;
			break;
		}
		skb = cfg80211_vendor_cmd_alloc_reply_skb(wiphy, 200);
		if (!skb) {
			err = -ENOMEM;
		} else if (!put_connection(skb)) {
			kfree_skb(skb);
			skb = NULL;
			err = -ENOBUFS;
		}
		break;
	}
	mutex_unlock(&csme.lock);

	return skb ? cfg80211_vendor_cmd_reply(skb) : err;
}

static int get_ownership(struct wiphy *wiphy, struct wireless_dev *wdev,
			 const void *data, int data_len)
{
	bool asks;

	/* iwlmei asks nobody, and says 0, when SAP is down */
	mutex_lock(&csme.lock);
	asks = csme.answer != ANSWER_UNASKED;
	if (!asks)
		log_event("unasked", "%s", "");
	mutex_unlock(&csme.lock);

	return !asks || request_ownership(ASKER_VENDOR) ? 0 : -ETIMEDOUT;
}

static const struct wiphy_vendor_command csme_commands[] = {
	{
		.info = {
			.vendor_id = CSME_OUI,
			.subcmd = CSME_CMD_GET_CONN_INFO,
		},
		.flags = WIPHY_VENDOR_CMD_NEED_WDEV,
		.doit = get_conn_info,
		.policy = csme_attr_policy,
		.maxattr = CSME_ATTR_MAX,
	},
	{
		.info = {
			.vendor_id = CSME_OUI,
			.subcmd = CSME_CMD_GET_OWNERSHIP,
		},
		.flags = WIPHY_VENDOR_CMD_NEED_WDEV,
		.doit = get_ownership,
		.policy = csme_attr_policy,
		.maxattr = CSME_ATTR_MAX,
	},
};

static const struct nl80211_vendor_cmd_info csme_events[] = {
	[CSME_EVENT_IDX_ROAMING] = {
		.vendor_id = CSME_OUI,
		.subcmd = CSME_CMD_ROAMING_EVENT,
	},
};

static int send_roaming_event(bool forbidden, const char *cause)
{
	struct sk_buff *skb;

	lockdep_assert_held(&csme.lock);

	if (!csme.netdev)
		return -ENODEV;
	skb = cfg80211_vendor_event_alloc(csme.wiphy, csme.netdev->ieee80211_ptr,
					  200, CSME_EVENT_IDX_ROAMING,
					  GFP_KERNEL);
	if (!skb)
		return -ENOMEM;
	if (nla_put(skb, CSME_ATTR_VIF_ADDR, ETH_ALEN, csme.netdev->dev_addr) ||
	    nla_put_u8(skb, CSME_ATTR_ROAMING_FORBIDDEN, forbidden)) {
		kfree_skb(skb);
		return -ENOBUFS;
	}
	log_event("roaming_event", "forbidden=%d cause=%s", forbidden, cause);
	cfg80211_vendor_event(skb, GFP_KERNEL);
	return 0;
}

/* The radio */

static void radio_adopt(struct net_device *dev)
{
	struct wiphy *wiphy = dev->ieee80211_ptr->wiphy;

	ASSERT_RTNL();

	get_device(&wiphy->dev);
	wiphy_lock(wiphy);
	mutex_lock(&csme.lock);
	csme.orig_commands = wiphy->vendor_commands;
	csme.n_orig_commands = wiphy->n_vendor_commands;
	csme.orig_events = wiphy->vendor_events;
	csme.n_orig_events = wiphy->n_vendor_events;
	wiphy->vendor_commands = csme_commands;
	wiphy->n_vendor_commands = ARRAY_SIZE(csme_commands);
	wiphy->vendor_events = csme_events;
	wiphy->n_vendor_events = ARRAY_SIZE(csme_events);
	csme.wiphy = wiphy;
	mutex_unlock(&csme.lock);
	wiphy_unlock(wiphy);
}

/*
 * No handler of ours runs on the radio after this: they run with the wiphy
 * mutex.
 */
static void radio_release(void)
{
	struct wiphy *wiphy = csme.wiphy;

	ASSERT_RTNL();

	if (!wiphy)
		return;
	wiphy_lock(wiphy);
	mutex_lock(&csme.lock);
	if (wiphy->registered) {
		if (csme.narrowed)
			narrow_channels(false);
		if (csme.block_not_owner)
			wiphy_rfkill_set_hw_state_reason(wiphy, false,
							 RFKILL_HARD_BLOCK_NOT_OWNER);
		if (csme.block_signal)
			wiphy_rfkill_set_hw_state_reason(wiphy, false,
							 RFKILL_HARD_BLOCK_SIGNAL);
	}
	wiphy->vendor_commands = csme.orig_commands;
	wiphy->n_vendor_commands = csme.n_orig_commands;
	wiphy->vendor_events = csme.orig_events;
	wiphy->n_vendor_events = csme.n_orig_events;
	csme.narrowed = false;
	memset(csme.narrowed_channels, 0, sizeof(csme.narrowed_channels));
	csme.netdev = NULL;
	csme.wiphy = NULL;
	mutex_unlock(&csme.lock);
	wiphy_unlock(wiphy);
	put_device(&wiphy->dev);
}

/* Finds the laptop's interface, when it has none at present */
static void radio_find(void)
{
	struct net_device *dev;

	rtnl_lock();
	if (csme.netdev)
		goto out;
	dev = __dev_get_by_name(&init_net, csme_ifname);
	if (!dev || !dev->ieee80211_ptr || !dev->ieee80211_ptr->wiphy)
		goto out;
	if (dev->ieee80211_ptr->wiphy != csme.wiphy) {
		radio_release();
		radio_adopt(dev);
	}

	mutex_lock(&csme.lock);
	csme.netdev = dev;
	csme.carrier = host_has_carrier();
	if (csme.block_not_owner)
		wiphy_rfkill_set_hw_state_reason(csme.wiphy, true,
						 RFKILL_HARD_BLOCK_NOT_OWNER);
	if (csme.block_signal)
		wiphy_rfkill_set_hw_state_reason(csme.wiphy, true,
						 RFKILL_HARD_BLOCK_SIGNAL);
	mutex_unlock(&csme.lock);
	pr_info("CSME may own %s (%s)\n", dev->name, wiphy_name(csme.wiphy));
	settle();
out:
	rtnl_unlock();
}

static void radio_work_fn(struct work_struct *work)
{
	radio_find();
}

static void carrier_changed(void)
{
	bool carrier;

	mutex_lock(&csme.lock);
	carrier = host_has_carrier();
	if (carrier != csme.carrier) {
		csme.carrier = carrier;
		log_event(carrier ? "carrier_on" : "carrier_off", "dev=%s",
			  csme.netdev->name);
	}
	if (carrier)
		deadline_met();
	mutex_unlock(&csme.lock);
}

/*
 * The interface comes up while CSME owns the NIC and no block says so. iwlmvm
 * asks for the ownership when it starts the hardware; when it does not get it,
 * the interface does not come up, with -ETIMEDOUT for denial and silence
 * alike, and the radio does not become blocked by that. (Under a block nobody
 * gets here: cfg80211 has refused already, with -ERFKILL.)
 */
static int host_comes_up(void)
{
	bool csme_owns;
	int i;

	mutex_lock(&csme.lock);
	csme_owns = csme.owner == OWNER_CSME;
	mutex_unlock(&csme.lock);
	if (!csme_owns)
		return 0;

	for (i = 0; i < CSME_UP_TRIES; i++)
		if (request_ownership(ASKER_UP))
			return 0;
	return -ETIMEDOUT;
}

static void netdev_gone(struct net_device *dev)
{
	mutex_lock(&csme.lock);
	if (dev == csme.netdev) {
		csme.netdev = NULL;
		log_event("host_gone", "dev=%s", dev->name);
	}
	if (dev == csme.station) {
		csme.station = NULL;
		csme.silenced = false;
		log_event("station_gone", "dev=%s", dev->name);
	}
	mutex_unlock(&csme.lock);
}

static int netdev_event(struct notifier_block *nb, unsigned long event, void *ptr)
{
	struct net_device *dev = netdev_notifier_info_to_dev(ptr);

	ASSERT_RTNL();

	switch (event) {
	case NETDEV_REGISTER:
	case NETDEV_CHANGENAME:
		if (!csme.netdev && net_eq(dev_net(dev), &init_net) &&
		    !strcmp(dev->name, csme_ifname))
			queue_work(csme.wq, &csme.radio_work);
		return NOTIFY_DONE;
	case NETDEV_UNREGISTER:
		netdev_gone(dev);
		return NOTIFY_DONE;
	}

	if (dev != csme.netdev)
		return NOTIFY_DONE;

	switch (event) {
	case NETDEV_PRE_UP:
		return notifier_from_errno(host_comes_up());
	case NETDEV_UP:
		log_event("host_up", "dev=%s", dev->name);
		carrier_changed();
		break;
	case NETDEV_CHANGE:
		carrier_changed();
		break;
	case NETDEV_DOWN:
		carrier_changed();
		log_event("host_down", "dev=%s", dev->name);
		break;
	}
	return NOTIFY_DONE;
}

static struct notifier_block netdev_nb = {
	.notifier_call = netdev_event,
	/* after cfg80211, which refuses to bring up what is blocked */
	.priority = -1,
};

/* The commands */

static int bad(const char *why, const char *what)
{
	pr_err("control: %s: %s\n", why, what ?: "nothing");
	return -EINVAL;
}

static int find_word(const char * const *words, int n, const char *word)
{
	int i = word ? match_string(words, n, word) : -EINVAL;

	return i < 0 ? bad("unknown word", word) : i;
}

/* The value of key=value, NULL when arg is another key's */
static const char *value_of(const char *arg, const char *key)
{
	size_t len = strlen(key);

	return !strncmp(arg, key, len) && arg[len] == '=' ? arg + len + 1 : NULL;
}

static int get_u32(const char *arg, u32 *value)
{
	return arg && !kstrtou32(arg, 0, value) ? 0 : bad("not a number", arg);
}

static int get_u8(const char *arg, u8 *value)
{
	return arg && !kstrtou8(arg, 0, value) ? 0 : bad("not 0..255", arg);
}

static int get_bool(const char *arg, bool *value)
{
	if (!arg || (strcmp(arg, "0") && strcmp(arg, "1")))
		return bad("neither 0 nor 1", arg);
	*value = arg[0] == '1';
	return 0;
}

static int get_mac(const char *arg, u8 *mac)
{
	return mac_pton(arg, mac) ? 0 : bad("not a MAC address", arg);
}

static int get_hex(const char *arg, u8 *bytes, size_t max, size_t *len)
{
	size_t n = arg ? strlen(arg) : 0;

	if (n % 2 || n / 2 > max || (n && hex2bin(bytes, arg, n / 2)))
		return bad("not hex digits, or too many", arg);
	*len = n / 2;
	return 0;
}

static int parse_connection(struct csme_connection *conn, int argc, char **argv)
{
	enum {
		SSID = 1, BSSID = 2, CHANNEL = 4, AUTH = 8, CIPHER = 16,
		COLLOC_CHANNEL = 32, COLLOC_ADDR = 64,
		ALL = SSID | BSSID | CHANNEL | AUTH | CIPHER,
		COLLOC = COLLOC_CHANNEL | COLLOC_ADDR,
	};
	unsigned int seen = 0;
	size_t len = 0;
	int i, err;

	for (i = 0; i < argc; i++) {
		char *value = argv[i];
		const char *key = strsep(&value, "=");

		if (!value)
			return bad("connection does not know", key);
		if (!strcmp(key, "ssid")) {
			err = get_hex(value, conn->ssid, sizeof(conn->ssid), &len);
			conn->ssid_len = len;
			seen |= SSID;
		} else if (!strcmp(key, "bssid")) {
			err = get_mac(value, conn->bssid);
			seen |= BSSID;
		} else if (!strcmp(key, "channel")) {
			err = get_u8(value, &conn->channel);
			seen |= CHANNEL;
		} else if (!strcmp(key, "auth")) {
			err = get_u32(value, &conn->auth);
			seen |= AUTH;
		} else if (!strcmp(key, "cipher")) {
			err = get_u32(value, &conn->cipher);
			seen |= CIPHER;
		} else if (!strcmp(key, "band")) {
			err = get_u8(value, &conn->band);
			conn->has_band = true;
		} else if (!strcmp(key, "colloc_channel")) {
			err = get_u8(value, &conn->colloc_channel);
			seen |= COLLOC_CHANNEL;
		} else if (!strcmp(key, "colloc_addr")) {
			err = get_mac(value, conn->colloc_addr);
			seen |= COLLOC_ADDR;
		} else {
			err = bad("connection does not know", key);
		}
		if (err)
			return err;
	}
	if ((seen & ALL) != ALL)
		return bad("connection needs", "ssid bssid channel auth cipher");
	if (seen & COLLOC && (seen & COLLOC) != COLLOC)
		return bad("colloc needs", "colloc_channel and colloc_addr");
	conn->has_colloc = seen & COLLOC;
	return 0;
}

static int do_connection(int argc, char **argv)
{
	struct csme_connection conn = {};
	bool has = argc > 1 || strcmp(argv[0], "none");
	int err;

	if (has) {
		err = parse_connection(&conn, argc, argv);
		if (err)
			return err;
	}

	mutex_lock(&csme.lock);
	csme.has_connection = has;
	csme.connection = conn;
	mutex_unlock(&csme.lock);
	settle_with_rtnl();
	return 0;
}

static int do_generation(int argc, char **argv)
{
	int generation = find_word(generation_names,
				   ARRAY_SIZE(generation_names), argv[0]);

	if (generation < 0)
		return generation;
	mutex_lock(&csme.lock);
	csme.generation = generation;
	mutex_unlock(&csme.lock);
	settle_with_rtnl();
	return 0;
}

static int do_own(int argc, char **argv)
{
	bool link_protection = true;
	const char *value;

	if (argc) {
		value = value_of(argv[0], "link_protection");
		if (!value)
			return bad("own does not know", argv[0]);
		if (get_bool(value, &link_protection))
			return -EINVAL;
	}

	mutex_lock(&csme.lock);
	csme_owns_now();
	csme.link_protection = link_protection;
	log_event("own", "link_protection=%d", link_protection);
	follow_link_protection();
	mutex_unlock(&csme.lock);
	settle_with_rtnl();
	return 0;
}

static int do_take(int argc, char **argv)
{
	mutex_lock(&csme.lock);
	csme_owns_now();
	log_event("take", "%s", "");
	set_block(RFKILL_HARD_BLOCK_NOT_OWNER, true);
	mutex_unlock(&csme.lock);
	settle_with_rtnl();
	return 0;
}

static int do_release(int argc, char **argv)
{
	mutex_lock(&csme.lock);
	if (csme.owner == OWNER_CSME) {
		csme.pending = false;
		csme.releasing = true;
		csme.granting = true;
		if (csme.waits[ASKER_UP]) {
			csme.verdict = VERDICT_GRANTED;
			wake_up_all(&csme.answered);
		}
	}
	mutex_unlock(&csme.lock);
	hand_over_unlocked();
	return 0;
}

static int do_answer(int argc, char **argv)
{
	int answer;

	if (argc == 1)
		answer = find_word(answer_names, ARRAY_SIZE(answer_names), argv[0]);
	else
		answer = bad("answer does not know", argv[1]);
	if (answer < 0)
		return answer;
	mutex_lock(&csme.lock);
	csme.answer = answer;
	mutex_unlock(&csme.lock);
	return 0;
}

static int do_grant_delay(int argc, char **argv)
{
	u32 ms;

	if (get_u32(argv[0], &ms))
		return -EINVAL;
	mutex_lock(&csme.lock);
	csme.grant_delay_ms = ms;
	mutex_unlock(&csme.lock);
	return 0;
}

static int do_deadline(int argc, char **argv)
{
	u32 ms;

	if (get_u32(argv[0], &ms))
		return -EINVAL;
	mutex_lock(&csme.lock);
	csme.deadline_ms = ms;
	mutex_unlock(&csme.lock);
	return 0;
}

static int do_link_protection(int argc, char **argv)
{
	bool on;
	int err = 0;

	if (get_bool(argv[0], &on))
		return -EINVAL;
	mutex_lock(&csme.lock);
	csme.link_protection = on;
	if (csme.owner == OWNER_CSME)
		follow_link_protection();
	else if (csme.netdev)
		err = send_roaming_event(on, "link_protection");
	mutex_unlock(&csme.lock);
	settle_with_rtnl();
	return err;
}

static int do_roaming(int argc, char **argv)
{
	static const char * const words[] = { "allowed", "forbidden" };
	int forbidden = find_word(words, ARRAY_SIZE(words), argv[0]);
	int err;

	if (forbidden < 0)
		return forbidden;
	mutex_lock(&csme.lock);
	err = send_roaming_event(forbidden, "command");
	mutex_unlock(&csme.lock);
	if (err)
		pr_err("control: roaming event not sent (%d)\n", err);
	return err;
}

static int do_reason(int argc, char **argv)
{
	static const char * const words[] = { "off", "on" };
	int on;

	if (strcmp(argv[0], "signal"))
		return bad("reason does not know", argv[0]);
	on = find_word(words, ARRAY_SIZE(words), argv[1]);
	if (on < 0)
		return on;
	mutex_lock(&csme.lock);
	set_block(RFKILL_HARD_BLOCK_SIGNAL, on);
	mutex_unlock(&csme.lock);
	return 0;
}

static int is_switch(struct device *dev, void *data)
{
	return dev->class && !strcmp(dev->class->name, "rfkill");
}

/* As before Linux 5.11; the attribute comes back with the next radio */
static int do_no_reasons(int argc, char **argv)
{
	static const struct attribute reasons = { .name = "hard_block_reasons" };
	struct device *dev = NULL;

	rtnl_lock();
	if (csme.netdev)
		dev = device_find_child(&csme.wiphy->dev, NULL, is_switch);
	if (dev) {
		sysfs_remove_file(&dev->kobj, &reasons);
		put_device(dev);
	}
	rtnl_unlock();
	return dev ? 0 : -ENODEV;
}

static int do_reply(int argc, char **argv)
{
	static const char * const words[] = { "normal", "raw", "errno", "none" };
	int reply = find_word(words, ARRAY_SIZE(words), argv[0]);
	const char *arg = argc > 1 ? argv[1] : NULL;
	size_t raw_len = 0;
	u8 *raw = NULL;
	u32 n = 0;
	int err = 0;

	if (reply < 0)
		return reply;
	if (argc > 1 && reply != REPLY_RAW && reply != REPLY_ERRNO)
		return bad("reply does not know", arg);
	if (reply == REPLY_ERRNO && (get_u32(arg, &n) || !n || n > MAX_ERRNO))
		return bad("not an errno", arg);
	if (reply == REPLY_RAW) {
		raw = kmalloc(CSME_RAW_MAX, GFP_KERNEL);
		if (!raw)
			return -ENOMEM;
		err = get_hex(arg, raw, CSME_RAW_MAX, &raw_len);
	}
	if (!err) {
		mutex_lock(&csme.lock);
		csme.reply = reply;
		csme.reply_errno = n;
		csme.raw_len = raw_len;
		if (raw_len)
			memcpy(csme.raw, raw, raw_len);
		mutex_unlock(&csme.lock);
	}
	kfree(raw);
	return err;
}

static int station_set(struct net *net, const char *ifname, enum csme_leave leave)
{
	struct net_device *dev = __dev_get_by_name(net, ifname);

	ASSERT_RTNL();

	if (!dev || !dev->ieee80211_ptr || !dev->ieee80211_ptr->wiphy)
		return bad("no such wireless interface there", ifname);
	if (dev->ieee80211_ptr->wiphy == csme.wiphy)
		return bad("that is the laptop's own radio", ifname);

	if (dev != csme.station)
		station_forget();
	mutex_lock(&csme.lock);
	csme.station = dev;
	csme.leave = leave;
	strscpy(csme.station_phy, wiphy_name(dev->ieee80211_ptr->wiphy),
		sizeof(csme.station_phy));
	mutex_unlock(&csme.lock);
	return 0;
}

static int do_station(int argc, char **argv)
{
	static const char * const leaves[] = { "deauth", "silent" };
	int leave = LEAVE_DEAUTH;
	const char *value;
	struct net *net;
	u32 pid;
	int err;

	if (argc == 1 && !strcmp(argv[0], "none")) {
		rtnl_lock();
		station_forget();
		rtnl_unlock();
		return 0;
	}
	if (argc < 2)
		return bad("station needs", "none, or <ifname> <pid> [leave=]");
	if (argc == 3) {
		value = value_of(argv[2], "leave");
		if (!value)
			return bad("station does not know", argv[2]);
		leave = find_word(leaves, ARRAY_SIZE(leaves), value);
		if (leave < 0)
			return leave;
	}
	if (get_u32(argv[1], &pid))
		return -EINVAL;
	net = get_net_ns_by_pid(pid);
	if (IS_ERR(net)) {
		pr_err("control: no network namespace of process %u\n", pid);
		return PTR_ERR(net);
	}
	rtnl_lock();
	err = station_set(net, argv[0], leave);
	rtnl_unlock();
	put_net(net);
	return err;
}

static void set_defaults(void)
{
	csme.owner = OWNER_HOST;
	csme.generation = GEN_USERSPACE;
	csme.has_connection = false;
	csme.link_protection = false;
	csme.answer = ANSWER_GRANT;
	csme.grant_delay_ms = 0;
	csme.deadline_ms = CSME_DEADLINE_MS;
	csme.reply = REPLY_NORMAL;
	csme.requests = 0;
	csme.grants = 0;
	csme.takebacks = 0;
}

static int do_reset(int argc, char **argv)
{
	rtnl_lock();
	mutex_lock(&csme.lock);
	csme_owns_now();
	set_defaults();
	log_event("reset", "%s", "");
	mutex_unlock(&csme.lock);

	/* the same order as ever: off the air first, then the block */
	settle();
	station_forget();
	mutex_lock(&csme.lock);
	set_block(RFKILL_HARD_BLOCK_NOT_OWNER, false);
	set_block(RFKILL_HARD_BLOCK_SIGNAL, false);
	mutex_unlock(&csme.lock);
	rtnl_unlock();
	return 0;
}

static const struct {
	const char *name;
	int min_args;
	int max_args;
	int (*run)(int argc, char **argv);
} commands[] = {
	{ "answer", 1, 2, do_answer },
	{ "connection", 1, 8, do_connection },
	{ "deadline", 1, 1, do_deadline },
	{ "generation", 1, 1, do_generation },
	{ "grant_delay", 1, 1, do_grant_delay },
	{ "link_protection", 1, 1, do_link_protection },
	{ "no_reasons", 0, 0, do_no_reasons },
	{ "own", 0, 1, do_own },
	{ "reason", 2, 2, do_reason },
	{ "release", 0, 0, do_release },
	{ "reply", 1, 2, do_reply },
	{ "reset", 0, 0, do_reset },
	{ "roaming", 1, 1, do_roaming },
	{ "station", 1, 3, do_station },
	{ "take", 0, 0, do_take },
};

static int run_command(char *text)
{
	char *argv[CSME_ARGS_MAX] = {};
	int argc = 0, i;
	char *word;

	text = strim(text);
	while ((word = strsep(&text, " \t"))) {
		if (!*word)
			continue;
		if (argc == ARRAY_SIZE(argv))
			return bad("too many words, at", word);
		argv[argc++] = word;
	}
	if (!argc)
		return bad("empty command", NULL);

	for (i = 0; i < ARRAY_SIZE(commands); i++) {
		if (strcmp(commands[i].name, argv[0]))
			continue;
		if (argc - 1 < commands[i].min_args ||
		    argc - 1 > commands[i].max_args)
			return bad("wrong number of words for", argv[0]);
		return commands[i].run(argc - 1, argv + 1);
	}
	return bad("unknown command", argv[0]);
}

static ssize_t control_write(struct file *file, const char __user *buf,
			     size_t size, loff_t *pos)
{
	char *text;
	int err;

	if (size > CSME_COMMAND_MAX)
		return bad("command", "too long");
	text = memdup_user_nul(buf, size);
	if (IS_ERR(text))
		return PTR_ERR(text);
	err = run_command(text);
	kfree(text);
	return err ?: size;
}

static void show_hex(struct seq_file *seq, const u8 *bytes, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++)
		seq_printf(seq, "%02x", bytes[i]);
}

static void show_connection(struct seq_file *seq)
{
	const struct csme_connection *conn = &csme.connection;

	seq_puts(seq, "connection=");
	if (!csme.has_connection) {
		seq_puts(seq, "none\n");
		return;
	}
	seq_puts(seq, "ssid=");
	show_hex(seq, conn->ssid, conn->ssid_len);
	seq_printf(seq, " bssid=%pM channel=%u auth=%u cipher=%u", conn->bssid,
		   conn->channel, conn->auth, conn->cipher);
	if (conn->has_band)
		seq_printf(seq, " band=%u", conn->band);
	if (conn->has_colloc)
		seq_printf(seq, " colloc_channel=%u colloc_addr=%pM",
			   conn->colloc_channel, conn->colloc_addr);
	seq_putc(seq, '\n');
}

static void show_reply(struct seq_file *seq)
{
	seq_puts(seq, "reply=");
	switch (csme.reply) {
	case REPLY_NORMAL:
		seq_puts(seq, "normal");
		break;
	case REPLY_RAW:
		seq_puts(seq, "raw ");
		show_hex(seq, csme.raw, csme.raw_len);
		break;
	case REPLY_ERRNO:
		seq_printf(seq, "errno %d", csme.reply_errno);
		break;
	case REPLY_NONE:
		seq_puts(seq, "none");
		break;
	}
	seq_putc(seq, '\n');
}

static int control_show(struct seq_file *seq, void *data)
{
	mutex_lock(&csme.lock);
	seq_printf(seq, "generation=%s\n", generation_names[csme.generation]);
	seq_printf(seq, "owner=%s\n", owner_names[csme.owner]);
	seq_printf(seq, "link_protection=%d\n", csme.link_protection);
	seq_printf(seq, "block_not_owner=%d\n", csme.block_not_owner);
	seq_printf(seq, "block_signal=%d\n", csme.block_signal);
	show_connection(seq);
	seq_printf(seq, "answer=%s\n", answer_names[csme.answer]);
	seq_printf(seq, "grant_delay_ms=%u\n", csme.grant_delay_ms);
	seq_printf(seq, "deadline_ms=%u\n", csme.deadline_ms);
	show_reply(seq);
	seq_printf(seq, "requests=%u\n", csme.requests);
	seq_printf(seq, "grants=%u\n", csme.grants);
	seq_printf(seq, "takebacks=%u\n", csme.takebacks);
	seq_printf(seq, "netdev=%s\n", csme.netdev ? csme.netdev->name : "none");
	seq_printf(seq, "phy=%s\n", csme.netdev ? wiphy_name(csme.wiphy) : "none");
	if (csme.station)
		seq_printf(seq, "station=%s %s leave=%s\n", csme.station->name,
			   csme.station_phy,
			   csme.leave == LEAVE_SILENT ? "silent" : "deauth");
	else
		seq_puts(seq, "station=none\n");
	seq_printf(seq, "narrowed=%d\n", csme.narrowed);
	mutex_unlock(&csme.lock);
	return 0;
}

static int control_open(struct inode *inode, struct file *file)
{
	return single_open(file, control_show, NULL);
}

static const struct file_operations control_fops = {
	.owner = THIS_MODULE,
	.open = control_open,
	.read = seq_read,
	.write = control_write,
	.llseek = seq_lseek,
	.release = single_release,
};

static void csme_teardown(void)
{
	/* nobody has a file open: each holds the module */
	debugfs_remove(csme.debugfs);

	rtnl_lock();
	station_forget();
	rtnl_unlock();

	/* no request comes by an interface's way up any more ... */
	unregister_netdevice_notifier(&netdev_nb);
	cancel_work_sync(&csme.radio_work);
	/* ... nor by a vendor command; those under way have returned */
	rtnl_lock();
	radio_release();
	rtnl_unlock();

	/* and so nothing starts these any more */
	mutex_lock(&csme.lock);
	csme_owns_now();
	mutex_unlock(&csme.lock);
	cancel_delayed_work_sync(&csme.answer_work);
	cancel_delayed_work_sync(&csme.deadline_work);
	destroy_workqueue(csme.wq);
	kvfree(csme_log.lines);
}

static int __init csme_init(void)
{
	int err;

	mutex_init(&csme.lock);
	init_waitqueue_head(&csme.answered);
	INIT_WORK(&csme.radio_work, radio_work_fn);
	INIT_DELAYED_WORK(&csme.answer_work, answer_work_fn);
	INIT_DELAYED_WORK(&csme.deadline_work, deadline_work_fn);
	set_defaults();

	spin_lock_init(&csme_log.lock);
	init_waitqueue_head(&csme_log.wait);
	csme_log.lines = kvcalloc(LOG_LINES, LOG_LINE, GFP_KERNEL);
	if (!csme_log.lines)
		return -ENOMEM;
	/* an answer may not wait for a deadline that waits for RTNL */
	csme.wq = alloc_workqueue(KBUILD_MODNAME, WQ_UNBOUND, 0);
	if (!csme.wq) {
		kvfree(csme_log.lines);
		return -ENOMEM;
	}
	err = register_netdevice_notifier(&netdev_nb);
	if (err) {
		destroy_workqueue(csme.wq);
		kvfree(csme_log.lines);
		return err;
	}
	radio_find();
	if (!READ_ONCE(csme.netdev)) {
		pr_err("no wireless interface %s\n", csme_ifname);
		csme_teardown();
		return -ENODEV;
	}

	csme.debugfs = debugfs_create_dir(KBUILD_MODNAME, NULL);
	debugfs_create_file("control", 0600, csme.debugfs, NULL, &control_fops);
	debugfs_create_file("log", 0600, csme.debugfs, NULL, &log_fops);
	return 0;
}

static void __exit csme_exit(void)
{
	csme_teardown();
}

module_init(csme_init);
module_exit(csme_exit);

MODULE_LICENSE("GPL");
MODULE_AUTHOR("The vpro.fleet developers");
MODULE_DESCRIPTION("CSME stand-in: a radio that the management engine may own");
